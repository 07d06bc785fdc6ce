//! Files and bodies that unpack to ten gigabytes.

use std::{fs, net::Ipv4Addr, path::Path};

use anyhow::{Result, ensure};
use axum::{
    Router,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE},
    routing::get,
};

use super::{
    BOMB_BYTES, Scale,
    archive::{PIECE, Zip, deflated, gzip},
    push::Pusher,
    trial::Outcome,
};
use crate::{bench::Figure, household};

/// A workbook whose sheet is a bomb, as its table of files says.
pub async fn sheet(program: &Path, scale: Scale) -> Result<Figure> {
    let trial = scale.trial(program, "huge-xlsx-bomb").await?;
    let bytes = scale.of(BOMB_BYTES);
    let stream = deflated(SHEET, &[b' '; PIECE], bytes / PIECE as u64, SHEET_END);
    let zip = workbook(|zip| {
        zip.packed("xl/worksheets/sheet1.xml", &stream, 0, bytes);
        zip.plain("xl/sharedStrings.xml", TEXTS);
    });
    fs::write(trial.input("a.xlsx"), zip)?;
    let rejected = Some(("a.xlsx".into(), 1));
    let says = "far more than its size tells";
    trial.judge(&Outcome { rejected, says, ..Outcome::default() }).await
}

/// A workbook whose texts are a bomb, of which its table of files says nothing.
pub async fn texts(program: &Path, scale: Scale) -> Result<Figure> {
    let trial = scale.trial(program, "huge-xlsx-hidden-bomb").await?;
    let times = scale.of(BOMB_BYTES) / PIECE as u64;
    let piece = "<si><t>x</t></si>".repeat(PIECE / 17);
    let stream = deflated(TEXTS.as_bytes(), piece.as_bytes(), times, b"</sst>");
    let zip = workbook(|zip| {
        zip.plain("xl/worksheets/sheet1.xml", "<worksheet><sheetData/></worksheet>");
        zip.packed("xl/sharedStrings.xml", &stream, 0, 1_000_000);
    });
    fs::write(trial.input("a.xlsx"), zip)?;
    let rejected = Some(("a.xlsx".into(), 1));
    trial.judge(&Outcome { rejected, says: "save it as", ..Outcome::default() }).await
}

/// A pushed body.
pub async fn push(program: &Path, scale: Scale) -> Result<Figure> {
    let running = scale.trial(program, "huge-push-bomb").await?.start().await?;
    let pusher = Pusher::new(&running).await?;
    let (status, said) = pusher.push(gzip(scale.of(BOMB_BYTES)), true).await?;
    ensure!(status == 413 && said.contains("larger than"), "{status}: {said}");
    running.judge(&Outcome::default()).await
}

/// The answer of a service that is asked for rows.
pub async fn answer(program: &Path, scale: Scale) -> Result<Figure> {
    let service = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = service.local_addr()?;
    let body = axum::body::Bytes::from(gzip(scale.of(BOMB_BYTES)));
    let answer = async move || {
        ([(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")], body.clone())
    };
    tokio::spawn(async move { axum::serve(service, Router::new().route("/", get(answer))).await });
    let trial = scale.trial(program, "huge-answer-bomb").await?;
    let source = format!("{{ kind: http, url: \"http://{address}/\" }}");
    let yaml = format!("entry: {}@1\nsource: {source}\nevery: 1h\n", household::ENTRY);
    trial.ground.connector("huge", &yaml)?;
    trial.judge(&Outcome { fails: true, says: "bytes", ..Outcome::default() }).await
}

/// A workbook of one sheet.
pub fn workbook(fill: impl FnOnce(&mut Zip)) -> Vec<u8> {
    let mut zip = Zip::default();
    zip.plain("_rels/.rels", PACKAGE);
    zip.plain("xl/workbook.xml", WORKBOOK);
    zip.plain("xl/_rels/workbook.xml.rels", RELATIONS);
    fill(&mut zip);
    zip.finish()
}

const PACKAGE: &str = r#"<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const WORKBOOK: &str = r#"<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const RELATIONS: &str = r#"<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;
const SHEET: &[u8] = b"<worksheet><sheetData>";
const SHEET_END: &[u8] = b"</sheetData></worksheet>";
const TEXTS: &str = "<sst>";
