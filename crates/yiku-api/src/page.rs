//! Two pages for people: how the hub stands, and the interface's documentation. Each is one answer
//! that needs no other resource; both read what programs read, and show it as text only.

use std::sync::LazyLock;

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use yiku_core::{digest::sha256, text_bytes::to_base64};

/// The page that shows how the hub stands, in Chinese and English.
#[utoipa::path(
    get,
    operation_id = "show_status_page",
    path = "/",
    tag = "pages",
    responses((status = 200, description = "the page", body = String, content_type = "text/html")),
)]
pub(crate) async fn home() -> Response {
    static PAGE: LazyLock<Page> = LazyLock::new(|| {
        Page::new(include_str!("page/status.html"), include_str!("page/status.js"))
    });
    PAGE.answer()
}

/// This documentation as a page.
#[utoipa::path(
    get,
    operation_id = "show_docs_page",
    path = "/docs",
    tag = "pages",
    responses((status = 200, description = "the page", body = String, content_type = "text/html")),
)]
pub(crate) async fn docs() -> Response {
    static PAGE: LazyLock<Page> =
        LazyLock::new(|| Page::new(include_str!("page/docs.html"), include_str!("page/docs.js")));
    PAGE.answer()
}

struct Page {
    html: String,
    policy: HeaderValue,
}

impl Page {
    /// Puts style and script into the page, and allows these and nothing else.
    fn new(html: &str, script: &str) -> Self {
        let style = include_str!("page/page.css");
        let allowed = |text: &str| format!("'sha256-{}'", to_base64(&sha256(text.as_bytes())));
        let policy = format!(
            "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            allowed(script),
            allowed(style)
        );
        Self {
            html: html.replace("{{style}}", style).replace("{{script}}", script),
            policy: HeaderValue::try_from(policy).expect("base64 and words are visible ASCII"),
        }
    }

    fn answer(&self) -> Response {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_SECURITY_POLICY, self.policy.clone())]);
        (headers, Html(self.html.clone())).into_response()
    }
}
