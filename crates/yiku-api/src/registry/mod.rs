//! The schema registry: published entry versions and entities as subjects, by the paths, bodies
//! and codes of Confluent's registry, so that its clients work unmodified (`docs/registry.md`).
//!
//! It stands outside of the OpenAPI document: the interface is not ours, its clients bring it
//! along. Everything is answered from memory. Reading needs any token and leaves no receipt;
//! whatever would change something is refused, and a refusal leaves one.

mod answer;
mod candidate;
mod compatibility;
mod error;
mod query;
mod reader;
mod register;
mod schemas;
mod settings;
mod subjects;

use axum::{
    Router, middleware,
    routing::{get, post, put},
};

use crate::Api;
use error::RegistryError;

pub(crate) use reader::Readers;

/// Where the registry stands: clients take it as part of their base URL.
pub(crate) const BASE: &str = "/registry";

/// The registry's routes.
pub(crate) fn router() -> Router<Api> {
    let refuse = settings::refuse_change;
    let routes = Router::new()
        .route("/", get(settings::root))
        .route("/subjects", get(subjects::list))
        .route("/subjects/{subject}", post(register::look_up).delete(refuse))
        .route("/subjects/{subject}/versions", get(subjects::versions).post(register::register))
        .route("/subjects/{subject}/versions/{version}", get(subjects::version).delete(refuse))
        .route("/subjects/{subject}/versions/{version}/schema", get(subjects::schema))
        .route("/subjects/{subject}/versions/{version}/referencedby", get(subjects::referenced_by))
        .route("/schemas", get(schemas::list))
        .route("/schemas/types", get(schemas::types))
        .route("/schemas/ids/{id}", get(schemas::show))
        .route("/schemas/ids/{id}/schema", get(schemas::text))
        .route("/schemas/ids/{id}/subjects", get(schemas::subjects))
        .route("/schemas/ids/{id}/versions", get(schemas::versions))
        .route("/compatibility/subjects/{subject}/versions", post(compatibility::with_latest))
        .route(
            "/compatibility/subjects/{subject}/versions/{version}",
            post(compatibility::with_version),
        )
        .route("/config", get(settings::level).put(settings::set_level).delete(refuse))
        .route(
            "/config/{subject}",
            get(settings::subject_level).put(settings::set_level).delete(refuse),
        )
        .route("/mode", get(settings::mode).put(settings::set_mode))
        .route("/mode/{subject}", get(settings::subject_mode))
        .route("/mode/{subject}", put(settings::set_mode).delete(refuse))
        .route("/contexts", get(settings::contexts));
    let routes = routes
        .fallback(async || RegistryError::UnknownPath)
        .method_not_allowed_fallback(async || RegistryError::Method)
        .layer(middleware::from_fn(answer::negotiate));
    // A base URL may end in a slash.
    let root = Router::new()
        .route(&format!("{BASE}/"), get(settings::root))
        .layer(middleware::from_fn(answer::negotiate));
    Router::new().nest(BASE, routes).merge(root)
}
