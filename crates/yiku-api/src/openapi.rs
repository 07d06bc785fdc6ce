//! The OpenAPI 3.1 document, made from the handlers.

use std::sync::LazyLock;

use axum::Json;
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::{
    connectors, entries, health, metrics, page, quarantine, receipts,
    router::{self, Trail},
    rows, status,
};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Yiku",
        description = "Data-sharing hub: departments push rows and see what became of them.\n\n\
            Every call but those of `pages` and the two health checks carries a token of one \
            department or role: `Authorization: Bearer <token>`. A department pushes and reads \
            only its own. An error is answered as JSON with a stable `code` and what to do in \
            Chinese and English. Calls that return, change or are refused data leave a receipt.\n\n\
            Below `/registry` stands a schema registry with the interface of Confluent's, which \
            its clients know and this document does not repeat.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    paths(
        rows::push::push,
        quarantine::list::list,
        entries::list::list,
        entries::show::show,
        entries::schema::show,
        connectors::list::list,
        connectors::add::add,
        receipts::list::list,
        status::show,
        metrics::show,
        health::alive,
        health::ready,
        page::home,
        page::docs,
        document,
    ),
    tags(
        (name = "rows", description = "Rows: push them, see what was rejected and why"),
        (name = "catalog", description = "The published entries"),
        (name = "connectors", description = "How the hub reads and writes"),
        (name = "receipts", description = "Who did what with whose data"),
        (name = "hub", description = "How the hub stands"),
        (name = "pages", description = "Pages for people"),
    ),
    modifiers(&Token),
)]
pub(crate) struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("a token of one department or role, made by `yiku token add`"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The document, with what each call leaves behind as the router says it, and what any call may end
/// with.
pub(crate) fn complete() -> Value {
    let mut document = serde_json::to_value(Document::openapi()).expect("a document serialises");
    for route in router::routes() {
        let operation = &mut document["paths"][route.path][route.method];
        operation["x-leaves-receipt"] = (route.trail == Trail::Receipt).into();
        if route.path.starts_with("/api/") {
            operation["responses"]["default"] = json!({
                "description": "`busy` (503), `disk-full` (507) or `internal` (500)",
                "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/ErrorBody" }
                } },
            });
        }
    }
    document
}

/// This document.
#[utoipa::path(
    get,
    operation_id = "show_openapi",
    path = "/openapi.json",
    tag = "pages",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub(crate) async fn document() -> Json<&'static Value> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(complete);
    Json(&DOCUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_lists_exactly_the_routes() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap().iter();
        let mut documented: Vec<String> = paths
            .flat_map(|(path, item)| {
                let methods = item.as_object().unwrap().keys();
                methods.map(move |method| format!("{method} {path}"))
            })
            .collect();
        documented.sort();
        let routes = router::routes();
        let routes = routes.iter().map(|route| format!("{} {}", route.method, route.path));
        let mut routed: Vec<String> = routes.collect();
        routed.sort();
        assert_eq!(documented, routed);
        let expected = [
            "get /",
            "get /api/v1/connectors",
            "get /api/v1/entries",
            "get /api/v1/entries/{department}/{resource}",
            "get /api/v1/entries/{department}/{resource}/schema",
            "get /api/v1/quarantine",
            "get /api/v1/receipts",
            "get /api/v1/status",
            "get /docs",
            "get /healthz",
            "get /metrics",
            "get /openapi.json",
            "get /readyz",
            "post /api/v1/connectors",
            "post /api/v1/entries/{department}/{resource}/rows",
        ];
        assert_eq!(routed, expected, "a new route: is it in the test of receipts, too?");
    }

    #[test]
    fn the_document_is_complete() {
        let document = complete();
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        let references = text.split("\"$ref\":\"#/").skip(1);
        for reference in references.filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(&format!("/{reference}")).is_some(), "{reference}");
        }
        let mut ids = std::collections::BTreeSet::new();
        for route in router::routes() {
            let operation = &document["paths"][route.path][route.method];
            assert!(ids.insert(operation["operationId"].to_string()), "{}", route.path);
            assert!(operation["summary"].is_string(), "{} {}", route.method, route.path);
            assert!(operation["responses"]["200"].is_object() || route.method == "post");
            let named = route.path.matches('{').count();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let in_path = parameters.filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(in_path, named, "{}", route.path);
        }
    }
}
