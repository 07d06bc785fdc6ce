//! Every route, once: the router and the tests of the document and of receipts are made from it.
//! Those of the schema registry are Confluent's and stand in `registry`.

use axum::{
    Router,
    http::{HeaderName, HeaderValue},
    middleware,
    routing::{MethodRouter, get, post},
};
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};

use crate::{
    Api, connectors, entries, error::ApiError, health, metrics, openapi, page, quarantine,
    receipts, registry, rows, status,
};

/// What a call of a route leaves behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trail {
    /// A receipt, whether it was answered or refused: data is returned or changed.
    Receipt,
    /// A count: the catalog, the registry, how things stand.
    Count,
}

/// A route.
pub(crate) struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub trail: Trail,
    pub handler: MethodRouter<Api>,
}

/// All of them.
pub(crate) fn routes() -> Vec<Route> {
    let read = |path, trail, handler| Route { method: "get", path, trail, handler };
    let write = |path, handler| Route { method: "post", path, trail: Trail::Receipt, handler };
    vec![
        write("/api/v1/entries/{department}/{resource}/rows", post(rows::push::push)),
        read("/api/v1/quarantine", Trail::Receipt, get(quarantine::list::list)),
        read("/api/v1/entries", Trail::Count, get(entries::list::list)),
        read("/api/v1/entries/{department}/{resource}", Trail::Count, get(entries::show::show)),
        read(
            "/api/v1/entries/{department}/{resource}/schema",
            Trail::Count,
            get(entries::schema::show),
        ),
        read("/api/v1/connectors", Trail::Count, get(connectors::list::list)),
        write("/api/v1/connectors", post(connectors::add::add)),
        read("/api/v1/receipts", Trail::Receipt, get(receipts::list::list)),
        read("/api/v1/status", Trail::Count, get(status::show)),
        read("/metrics", Trail::Count, get(metrics::show)),
        read("/healthz", Trail::Count, get(health::alive)),
        read("/readyz", Trail::Count, get(health::ready)),
        read("/", Trail::Count, get(page::home)),
        read("/docs", Trail::Count, get(page::docs)),
        read("/openapi.json", Trail::Count, get(openapi::document)),
    ]
}

/// The router of a hub's HTTP interface.
pub fn router(api: Api) -> Router {
    let mut router = Router::new();
    for route in routes() {
        router = router.route(route.path, route.handler);
    }
    let header = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    router
        .merge(registry::router())
        .fallback(async || ApiError::UnknownPath)
        .method_not_allowed_fallback(async || ApiError::Method)
        .layer(middleware::from_fn(metrics::count))
        .layer(CatchPanicLayer::custom(|_| {
            use axum::response::IntoResponse;
            ApiError::Internal("a handler panicked".into()).into_response()
        }))
        .layer(header("cache-control", "no-store"))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("referrer-policy", "no-referrer"))
        .with_state(api)
}
