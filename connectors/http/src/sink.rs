//! Handing parcels to a webhook.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use reqwest::{Response, StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use yiku_connector::{
    Access, ChangeKind, ConnectorError, Parcel, Refused, Settled, Sink, Surroundings,
};
use yiku_core::derive::{ColumnType, TableColumn};

use crate::{address::Address, answer, config::SinkConfig, sign::signature};

/// Opens a sink. Reads secrets and calls only when it is first asked something.
pub fn open(config: Value, access: &Access) -> Result<Box<dyn Sink>, ConnectorError> {
    let config = SinkConfig::read(config)?;
    Ok(Box::new(HttpSink { config, surroundings: access.surroundings.clone(), address: None }))
}

struct HttpSink {
    config: SinkConfig,
    surroundings: Surroundings,
    address: Option<Address>,
}

/// Bytes of the receiver's answer at most.
const ANSWER_BYTES_MAX: usize = 4 << 20;
const REMEDY: &str = "it should say no more than which changes it refuses, and why";
/// Characters of a reason that are kept.
const REASON_LENGTH_MAX: usize = 200;

#[async_trait]
impl Sink for HttpSink {
    /// Asks for the address's options: a receiver may know no method but POST, so any answer that
    /// shows somebody there is good.
    async fn check(&mut self) -> Result<(), ConnectorError> {
        self.config.secret.read(&self.surroundings)?;
        let address = self.address()?;
        let request = address.client.request(reqwest::Method::OPTIONS, address.url.clone());
        let response = answer::send(&address, request).await?;
        let status = response.status();
        match status.is_redirection() || status.is_server_error() {
            true if status != StatusCode::NOT_IMPLEMENTED => {
                Err(answer::failure(&address, &response))
            }
            _ => Ok(()),
        }
    }

    async fn deliver(&mut self, parcel: &Parcel) -> Result<Settled, ConnectorError> {
        let address = match self.address.take() {
            Some(address) => address,
            None => self.address()?,
        };
        let body = body(parcel);
        let secret = self.config.secret.read(&self.surroundings)?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let request = address
            .client
            .post(address.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", &*parcel.idempotency_key)
            .header("Yiku-Signature", signature(&secret, seconds, &body))
            .body(body);
        let response = answer::send(&address, request).await?;
        let settled = settle(&address, response, parcel.changes.len()).await?;
        self.address = Some(address);
        Ok(settled)
    }
}

impl HttpSink {
    fn address(&self) -> Result<Address, ConnectorError> {
        let SinkConfig { url, headers, insecure, .. } = &self.config;
        Address::read(url, headers, *insecure, self.config.timeout(), &self.surroundings)
    }
}

/// What the receiver may say.
#[derive(Debug, Default, Deserialize)]
struct Receipt {
    #[serde(default)]
    refused: Vec<RefusedRow>,
}

#[derive(Debug, Deserialize)]
struct RefusedRow {
    index: usize,
    #[serde(default)]
    reason: String,
}

async fn settle(
    address: &Address,
    response: Response,
    changes: usize,
) -> Result<Settled, ConnectorError> {
    let status = response.status();
    // A receiver that has the parcel already says so by 409.
    if !status.is_success() && status != StatusCode::CONFLICT {
        return Err(answer::failure(address, &response));
    }
    let body = answer::body(address, response, ANSWER_BYTES_MAX, REMEDY).await?;
    // Receivers answer `ok`, HTML or nothing too; only an object can refuse rows.
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    if said.get("refused").is_none() {
        return Ok(Settled::default());
    }
    let receipt: Receipt = serde_json::from_value(said).map_err(|_| {
        answer::unreadable(
            address,
            "its answer should be {\"refused\":[{\"index\":0,\"reason\":\"…\"}]}",
        )
    })?;
    let mut refused: Vec<Refused> = receipt
        .refused
        .into_iter()
        .map(|row| Refused { index: row.index, reason: tidy(&row.reason) })
        .collect();
    refused.sort_by_key(|refused| refused.index);
    refused.dedup_by_key(|refused| refused.index);
    match refused.last() {
        Some(last) if last.index >= changes => Err(answer::unreadable(
            address,
            format!("it refuses change {}, but {changes} were sent, counted from 0", last.index),
        )),
        _ => Ok(Settled { refused }),
    }
}

fn tidy(reason: &str) -> String {
    let plain: String =
        reason.chars().filter(|c| !c.is_control()).take(REASON_LENGTH_MAX).collect();
    if plain.is_empty() { "the receiver gave no reason".into() } else { plain }
}

/// The body of a parcel: always the same bytes for the same parcel.
fn body(parcel: &Parcel) -> Vec<u8> {
    let all: Vec<usize> = (0..parcel.columns.len()).collect();
    let changes = parcel.changes.iter().enumerate().map(|(index, change)| {
        let row = parcel.cells.row(index);
        let object = |columns: &[usize]| {
            let fields = columns.iter().map(|&column| {
                let about = &parcel.columns[column];
                (about.name.clone(), value(about, row.get(column)))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        };
        match change.kind {
            ChangeKind::Upsert => json!({
                "operation": "upsert",
                "number": change.number,
                "key": object(&parcel.key),
                "items": object(&all),
            }),
            ChangeKind::Withdraw => json!({
                "operation": "withdraw",
                "number": change.number,
                "key": object(&parcel.key),
            }),
        }
    });
    let parcel = json!({
        "idempotency_key": &*parcel.idempotency_key,
        "subject": &*parcel.subject,
        "changes": changes.collect::<Vec<_>>(),
    });
    serde_json::to_vec(&parcel).expect("JSON values can be written")
}

/// A cell as JSON. Decimals stay text: a receiver that reads them as floating numbers would change
/// them.
fn value(column: &TableColumn, cell: Option<&str>) -> Value {
    let Some(text) = cell else { return Value::Null };
    match column.column_type {
        ColumnType::Integer => text.parse::<i64>().map_or(text.into(), Value::from),
        ColumnType::Boolean => match text {
            "true" => true.into(),
            "false" => false.into(),
            _ => text.into(),
        },
        _ => text.into(),
    }
}
