//! Names of the columns of a file.

use yiku_core::printable::printable;

use super::{config::twice, fault::Fault};

/// Names without the space around them, or what is wrong with them: a row cannot be told apart
/// by columns of one name or of none.
pub(crate) fn judge(
    place: u64,
    names: Vec<String>,
    columns_max: usize,
) -> Result<Vec<String>, Fault> {
    let raw = names.join(",");
    if names.len() > columns_max {
        let columns = names.len();
        return Err(Fault::unreadable(
            place,
            format!("标题行有 {columns} 列，超过 {columns_max} 列上限：请检查分隔符和换行符"),
            format!(
                "the header has {columns} columns, more than {columns_max}: check delimiters and \
                 line ends"
            ),
        )
        .with_raw(&raw));
    }
    let names: Vec<String> = names.into_iter().map(|name| name.trim().to_owned()).collect();
    if let Some(at) = names.iter().position(String::is_empty) {
        let column = at + 1;
        return Err(Fault::unreadable(
            place,
            format!("标题行第 {column} 列没有名称：请补上列名，或在连接器中用 columns 给出列名"),
            format!(
                "column {column} of the header has no name: name it, or give `columns` in the \
                 connector"
            ),
        )
        .with_raw(&raw));
    }
    if let Some(name) = twice(&names).map(printable) {
        return Err(Fault::unreadable(
            place,
            format!("标题行有两列同名“{name}”：请改名，或在连接器中用 columns 给出列名"),
            format!(
                "two columns of the header are named `{name}`: rename one, or give `columns` in \
                 the connector"
            ),
        )
        .with_raw(&raw));
    }
    Ok(names)
}
