//! `yiku token`: the tokens of the HTTP interface, kept hashed.

use anyhow::{Context, bail};
use yiku_store::token::{self, Holder};

use super::{ExitCode, Session, table};
use crate::{arguments::Token, clock};

pub(super) async fn run(session: &mut Session<'_>, command: Token) -> anyhow::Result<ExitCode> {
    match command {
        Token::Add { name, department, role } => {
            let holder = holder(session, department, role)?;
            let secret = secret();
            let mut tx = session.hub.store.begin().await?;
            token::add(&mut tx, &name, &holder, &secret, clock::now_ms()).await?;
            tx.commit().await?;
            session.console.warn("this token is shown this once; keep it safe").await?;
            session.line(secret).await?;
        }
        Token::List => list(session).await?,
        Token::Revoke { name } => {
            let mut tx = session.hub.store.begin().await?;
            token::revoke(&mut tx, &name, clock::now_ms()).await?;
            tx.commit().await?;
            session.line(format!("{name}: revoked")).await?;
        }
    }
    Ok(0)
}

fn holder(
    session: &Session<'_>,
    department: Option<String>,
    role: Option<String>,
) -> anyhow::Result<Holder> {
    match (department, role) {
        (Some(department), _) => {
            let live = session.hub.live();
            live.catalog.departments.get(&department).with_context(|| {
                format!("there is no department `{department}` in catalog/departments.yaml")
            })?;
            Ok(Holder::Department(department))
        }
        (None, Some(role)) if ROLES.contains(&role.as_str()) => Ok(Holder::Role(role)),
        (None, Some(role)) => bail!("`{role}` is none of the roles {}", ROLES.join(", ")),
        (None, None) => bail!("a token needs --department or --role"),
    }
}

fn secret() -> String {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes);
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("yiku_{digits}")
}

async fn list(session: &mut Session<'_>) -> anyhow::Result<()> {
    let tokens = token::list(&mut *session.hub.store.reader().await?).await?;
    let row = |one: &token::Token| {
        [
            one.name.clone(),
            one.department.clone().or_else(|| one.role.clone()).unwrap_or_default(),
            clock::written(one.created_at),
            one.used_at.map(clock::written).unwrap_or_default(),
            one.revoked_at.map(clock::written).unwrap_or_default(),
        ]
    };
    let headings = ["token", "department or role", "made", "last used", "revoked"];
    let text = table::of(headings, tokens.iter().map(row).collect());
    session.console.print(&text).await
}

const ROLES: [&str; 2] = ["administrator", "auditor"];
