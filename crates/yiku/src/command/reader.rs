//! `yiku reader`: which logins of the database server see which departments in the views for
//! reports.

use anyhow::{Context, bail};
use yiku_store::bi_reader::{self, BiReader};

use super::{ExitCode, Session, table};
use crate::{arguments::Reader, clock};

pub(super) async fn run(session: &mut Session<'_>, command: Reader) -> anyhow::Result<ExitCode> {
    match command {
        Reader::Add { login, department, all } => {
            let department = match (department, all) {
                (Some(department), false) => known(session, department)?,
                (None, true) => bi_reader::ALL.to_owned(),
                _ => bail!("name one: --department NAME or --all"),
            };
            let mut tx = session.hub.store.begin().await?;
            bi_reader::add(&mut tx, &login, &department, clock::now_ms()).await?;
            tx.commit().await?;
            session.line(format!("{login}: sees {department} in schema yiku_bi")).await?;
        }
        Reader::List => {
            let readers = bi_reader::list(&mut *session.hub.store.reader().await?).await?;
            let row = |one: &BiReader| {
                [one.login.clone(), one.department.clone(), clock::written(one.added_at)]
            };
            let text =
                table::of(["login", "department", "since"], readers.iter().map(row).collect());
            session.console.print(&text).await?;
        }
        Reader::Remove { login } => {
            let mut tx = session.hub.store.begin().await?;
            bi_reader::remove(&mut tx, &login).await?;
            tx.commit().await?;
            session.line(format!("{login}: sees nothing any more")).await?;
        }
    }
    Ok(0)
}

fn known(session: &Session<'_>, department: String) -> anyhow::Result<String> {
    let live = session.hub.live();
    live.catalog.departments.get(&department).with_context(|| {
        format!("there is no department `{department}` in catalog/departments.yaml")
    })?;
    Ok(department)
}
