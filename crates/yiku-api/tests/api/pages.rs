use std::net::SocketAddr;

use axum::{body::Body, http::Request};

use crate::support::hub;

#[tokio::test]
async fn how_it_stands_is_shown_to_tokens_and_to_this_machine() {
    let hub = hub().await;
    let local: SocketAddr = "127.0.0.1:50000".parse().unwrap();
    for path in ["/api/v1/status", "/metrics"] {
        let request =
            |host: &str| Request::get(path).header("host", host).body(Body::empty()).unwrap();
        assert_eq!(hub.get("", path).await.refusal(), "401 unauthenticated");
        assert_eq!(hub.get("civil", path).await.status, 200);
        assert_eq!(hub.send_from(local, "", request("127.0.0.1:8620")).await.status, 200);
        assert_eq!(hub.send_from(local, "", request("evil.example")).await.status, 401);
    }
    let metrics = hub.get("civil", "/metrics").await;
    assert!(metrics.text.contains("# TYPE yiku_rows_total counter"), "{}", metrics.text);
}

#[tokio::test]
async fn health_and_pages_need_no_token() {
    let hub = hub().await;
    assert_eq!(hub.get("", "/healthz").await.status, 200);
    assert_eq!(hub.get("", "/readyz").await.status, 200);
    for path in ["/", "/docs"] {
        let page = hub.get("", path).await;
        assert_eq!(page.status, 200);
        assert!(page.headers["content-security-policy"].to_str().unwrap().contains("sha256-"));
        assert!(!page.text.contains("{{"), "{path} has all its parts");
        assert!(!page.text.contains("http://") && !page.text.contains("https://"));
    }
    let document = hub.get("", "/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    hub.hub.store.close().await;
    assert_eq!(hub.get("", "/healthz").await.status, 200);
    assert_eq!(hub.get("", "/readyz").await.refusal(), "500 internal");
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let hub = hub().await;
    assert_eq!(hub.get("", "/api/v1/nothing").await.refusal(), "404 unknown-path");
    let request = Request::delete("/api/v1/entries").body(Body::empty()).unwrap();
    assert_eq!(hub.send("", request).await.refusal(), "405 method-not-allowed");
}
