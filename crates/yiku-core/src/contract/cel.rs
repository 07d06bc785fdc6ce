//! Rules in CEL, the Common Expression Language.
//!
//! Each item is a variable of its name: text, codes, identifiers, divisions and dates
//! (`yyyy-MM-dd`) are strings, integers `int`, decimals `double`, booleans `bool`, datetimes
//! `timestamp`. A rule that names an item without value holds, unless it asks for it by
//! `has(item)` or `item == null`: then items without value are `null`.
//!
//! An expression is compiled once and bounded: in length, in nodes, in depth, in the functions it
//! may call. There are no comprehension macros and no regular expressions in it, so a row costs no
//! more than its nodes. What cannot be worked out for a row (a text that is no number in `int(…)`)
//! counts as broken, with a text of its own.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, LazyLock},
};

use ::cel::{
    Context, Env, ExecutionError, IdedExpr, Value,
    common::{
        ast::{CallExpr, Expr, LiteralValue, operators},
        types::{CelBool, CelDouble, CelInt, CelNull, CelString, CelTimestamp},
        value::CowVal,
    },
    context::VariableResolver,
};
use chrono::DateTime;

use super::{
    compile::{Column, Kind, Message},
    rule::Judgement,
    value::Held,
};
use crate::{
    batch::Row,
    entry::{EntryVersion, ItemType},
};

/// One expression, ready to judge rows.
pub(super) struct CelRule {
    expression: IdedExpr,
    root: Context<'static, 'static>,
    /// The items that the expression names.
    variables: Vec<(String, usize)>,
    /// Whether it asks if items are there.
    asks_for_null: bool,
}

impl fmt::Debug for CelRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CelRule").field("variables", &self.variables).finish_non_exhaustive()
    }
}

impl CelRule {
    /// Compiles an expression over the entry's items.
    pub(super) fn compile(source: &str, entry: &EntryVersion) -> Result<Self, Message> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err((
                format!("表达式长 {} 字节，最多 {SOURCE_BYTES_MAX}", source.len()),
                format!("the expression has {} bytes, at most {SOURCE_BYTES_MAX}", source.len()),
            ));
        }
        refuse_nesting(source)?;
        let mut expression = ENV.parser().parse(source).map_err(|errors| {
            let first = errors.errors.first().map(|error| error.msg.clone()).unwrap_or_default();
            (format!("表达式写法有误：{first}"), format!("the expression does not parse: {first}"))
        })?;
        let mut survey = Survey::default();
        survey.walk(&mut expression, 1)?;
        let variables = survey
            .names
            .into_iter()
            .map(|name| match entry.item(&name) {
                Some(item) => Ok((name, item)),
                None => Err((
                    format!("没有数据项 {name}"),
                    format!("there is no item `{name}` in this entry"),
                )),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let rule = Self {
            expression,
            root: Context::with_env(Arc::clone(&ENV)),
            variables,
            asks_for_null: survey.asks_for_null,
        };
        rule.try_out(entry)?;
        Ok(rule)
    }

    /// Judges one row.
    pub(super) fn judge(&self, columns: &[Column], cells: Row<'_>, held: &[Held]) -> Judgement {
        for &(_, item) in &self.variables {
            match held[item] {
                Held::Broken => return Judgement::Holds,
                Held::Null if !self.asks_for_null => return Judgement::Holds,
                _ => {}
            }
        }
        let variables = RowVariables { variables: &self.variables, columns, cells, held };
        match self.evaluate(&variables) {
            Ok(Some(true)) => Judgement::Holds,
            Ok(Some(false)) => Judgement::Broken,
            _ => Judgement::Failed,
        }
    }

    /// The truth of the expression; `None` when it is neither true nor false.
    fn evaluate(&self, variables: &dyn VariableResolver) -> Result<Option<bool>, ExecutionError> {
        let mut scope = self.root.new_inner_scope();
        scope.set_variable_resolver(variables);
        let value = Value::resolve_val(&self.expression, &scope)?;
        Ok(value.downcast_ref::<CelBool>().map(|truth| *truth.inner()))
    }

    /// Works the expression out on a sample of each type, so that `name > 3` is found when the
    /// entry is written and not on its first row.
    fn try_out(&self, entry: &EntryVersion) -> Result<(), Message> {
        let samples = Samples { variables: &self.variables, entry };
        match self.evaluate(&samples) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                Err(("表达式须得出真或假".into(), "the expression must be true or false".into()))
            }
            Err(
                error @ (ExecutionError::NoSuchOverload(_)
                | ExecutionError::UndeclaredReference(_)
                | ExecutionError::InvalidArgumentCount { .. }
                | ExecutionError::NoSuchKey(_)),
            ) => Err((
                format!("表达式的类型不符：{error}"),
                format!("the expression does not fit the items' types: {error}"),
            )),
            // Other errors depend on the values.
            Err(_) => Ok(()),
        }
    }
}

/// The cells of a row as variables.
struct RowVariables<'r> {
    variables: &'r [(String, usize)],
    columns: &'r [Column],
    cells: Row<'r>,
    held: &'r [Held],
}

impl VariableResolver for RowVariables<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let (_, item) = self.variables.iter().find(|(variable, _)| variable == name)?;
        let Some(text) = self.cells.get(*item) else { return Some(CowVal::owned(CelNull)) };
        Some(match (&self.columns[*item].kind, self.held[*item]) {
            (Kind::Integer { .. }, Held::Number(number)) => CowVal::owned(CelInt::from(number)),
            (Kind::DateTime, Held::Number(millis)) => moment(millis),
            (Kind::Decimal { .. }, _) => {
                CowVal::owned(CelDouble::from(text.parse::<f64>().unwrap_or(f64::NAN)))
            }
            (Kind::Boolean, _) => CowVal::owned(CelBool::from(text == "true")),
            (kind, _) if kind.is_identifier() && has_lower(text) => {
                CowVal::owned(CelString::from(text.to_ascii_uppercase()))
            }
            _ => CowVal::owned(CelString::from(text)),
        })
    }
}

/// A value of each item's type.
struct Samples<'r> {
    variables: &'r [(String, usize)],
    entry: &'r EntryVersion,
}

impl VariableResolver for Samples<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let (_, item) = self.variables.iter().find(|(variable, _)| variable == name)?;
        Some(match &self.entry.items[*item].kind {
            ItemType::Integer(_) => CowVal::owned(CelInt::from(1)),
            ItemType::Decimal { .. } => CowVal::owned(CelDouble::from(1.0)),
            ItemType::Boolean => CowVal::owned(CelBool::from(true)),
            ItemType::DateTime => moment(0),
            ItemType::Date(_) => CowVal::owned(CelString::from("1974-07-07")),
            _ => CowVal::owned(CelString::from("431302197407073941")),
        })
    }
}

fn moment<'b>(millis: i64) -> CowVal<'b, 'b> {
    let moment = DateTime::from_timestamp_millis(millis).expect("within the calendar");
    CowVal::owned(CelTimestamp::from(moment.fixed_offset()))
}

fn has_lower(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// What an expression is made of, gathered while `has(x)` becomes `x != null`.
#[derive(Default)]
struct Survey {
    names: BTreeSet<String>,
    nodes: usize,
    asks_for_null: bool,
}

impl Survey {
    fn walk(&mut self, node: &mut IdedExpr, depth: usize) -> Result<(), Message> {
        self.nodes += 1;
        if self.nodes > NODES_MAX || depth > DEPTH_MAX {
            return Err(too_costly());
        }
        if let Expr::Call(call) = &mut node.expr
            && call.func_name == operators::HAS
            && call.target.is_none()
            && let [IdedExpr { expr: Expr::Ident(_), .. }] = call.args.as_slice()
        {
            call.func_name = operators::NOT_EQUALS.to_owned();
            let null = Expr::Literal(LiteralValue::Null);
            call.args.push(IdedExpr { id: node.id, expr: null });
        }
        match &mut node.expr {
            Expr::Ident(name) => {
                self.names.insert(name.clone());
                Ok(())
            }
            Expr::Literal(LiteralValue::Null) => {
                self.asks_for_null = true;
                Ok(())
            }
            Expr::Literal(_) => Ok(()),
            Expr::Call(call) => self.walk_call(call, depth),
            Expr::List(list) => {
                list.elements.iter_mut().try_for_each(|element| self.walk(element, depth + 1))
            }
            _ => Err((
                "表达式中只能有数据项、常量、列表、运算符和函数".into(),
                "an expression holds items, constants, lists, operators and functions only".into(),
            )),
        }
    }

    fn walk_call(&mut self, call: &mut CallExpr, depth: usize) -> Result<(), Message> {
        let name = &call.func_name;
        if name == operators::HAS {
            return Err((
                "has 只能用于一个数据项：has(name)".into(),
                "has takes one item: has(name)".into(),
            ));
        }
        if !OPERATORS.contains(&name.as_str()) && !FUNCTIONS.contains(&name.as_str()) {
            let known = format!("has, {}", FUNCTIONS.join(", "));
            return Err((
                format!("不能用函数 {name}；可用：{known}；正则表达式写在数据项的 pattern 中"),
                format!(
                    "function `{name}` cannot be used; there are: {known}; a regular expression \
                     belongs into an item's `pattern`"
                ),
            ));
        }
        if let Some(target) = &mut call.target {
            self.walk(target, depth + 1)?;
        }
        call.args.iter_mut().try_for_each(|argument| self.walk(argument, depth + 1))
    }
}

/// Refuses brackets and signs nested so deep that parsing itself could run out of stack.
fn refuse_nesting(source: &str) -> Result<(), Message> {
    let (mut depth, mut signs) = (0usize, 0usize);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        signs = if matches!(byte, b'!' | b'-' | b' ') { signs + 1 } else { 0 };
        if depth > DEPTH_MAX || signs > DEPTH_MAX {
            return Err(too_costly());
        }
    }
    Ok(())
}

fn too_costly() -> Message {
    (
        format!("表达式太大：最多 {NODES_MAX} 个节点、{DEPTH_MAX} 层；请拆成几条规则"),
        format!(
            "the expression is too large: at most {NODES_MAX} nodes and {DEPTH_MAX} levels; \
             write several rules"
        ),
    )
}

/// The standard functions, without macros and without optional values.
static ENV: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::default().with_optional_support(false).with_stdlib()));

const SOURCE_BYTES_MAX: usize = 1000;
const NODES_MAX: usize = 100;
const DEPTH_MAX: usize = 24;

const OPERATORS: [&str; 17] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::IN,
];

const FUNCTIONS: [&str; 11] = [
    "size",
    "startsWith",
    "endsWith",
    "contains",
    "int",
    "double",
    "string",
    "timestamp",
    "getFullYear",
    "getMonth",
    "getDate",
];
