//! What a message says: its value, or the lack of one, as names and cells.

use std::{collections::HashMap, sync::Arc};

use yiku_connector::Schemas;
use yiku_core::{
    avro_row::AvroSchema, batch::Cells, contract::DecodeError, json_row::JsonRow, registry,
    violation::Code,
};

use crate::config::{Format, Tombstones};

/// A message as it was taken from its partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Taken {
    /// Where it stands.
    pub offset: u64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; of one that is too large, the beginning.
    pub value: Option<Vec<u8>>,
    /// Bytes of the whole value.
    pub bytes: usize,
}

/// Why a message is no row. Never quotes a value.
#[derive(Debug)]
pub struct Problem {
    /// What kind.
    pub code: Code,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// Names and cells of one message.
pub type Fields<'a> = Vec<(&'a str, Option<&'a str>)>;

/// Reads messages of one connector.
pub struct Decoder {
    format: Format,
    tombstones: Option<Tombstones>,
    schemas: Schemas,
    value_bytes_max: usize,
    known: HashMap<u32, Arc<AvroSchema>>,
    // The message that was read last.
    cells: Cells,
    json: JsonRow,
    key: String,
}

impl Decoder {
    /// A reader of messages with values of at most so many bytes.
    pub fn new(
        format: Format,
        tombstones: Option<Tombstones>,
        schemas: Schemas,
        value_bytes_max: usize,
    ) -> Self {
        Self {
            format,
            tombstones,
            schemas,
            value_bytes_max,
            known: HashMap::new(),
            cells: Cells::default(),
            json: JsonRow::default(),
            key: String::new(),
        }
    }

    /// Bytes of a value at most.
    pub fn value_bytes_max(&self) -> usize {
        self.value_bytes_max
    }

    /// Reads one message.
    pub fn read(&mut self, message: &Taken) -> Result<Fields<'_>, Problem> {
        if message.bytes > self.value_bytes_max {
            return Err(too_large(message.bytes, self.value_bytes_max));
        }
        let Some(value) = &message.value else { return self.tombstone(message.key.as_deref()) };
        let names = match self.format {
            Format::Json => self.read_json(value).map(|()| None)?,
            Format::JsonSchema => {
                let (id, body) = framed(value)?;
                self.published(id, registry::Format::Json)?;
                self.read_json(body).map(|()| None)?
            }
            Format::Avro => {
                let (id, body) = framed(value)?;
                let schema = self.avro(id)?;
                self.cells.clear(schema.names().len());
                schema.decode(body, &mut self.cells).map_err(undecoded)?;
                Some(id)
            }
        };
        let mut fields: Fields<'_> = match names {
            Some(id) => {
                let names = self.known[&id].names().iter().map(String::as_str);
                names.zip(self.cells.row(0).cells()).collect()
            }
            None => {
                let cells = self.json.cells.iter();
                cells.map(|(name, cell)| (name.as_str(), cell.as_deref())).collect()
            }
        };
        if let Some(tombstones) = &self.tombstones {
            if fields.iter().any(|(name, _)| *name == tombstones.column) {
                return Err(own_column(&tombstones.column));
            }
            fields.push((tombstones.column.as_str(), Some("false")));
        }
        Ok(fields)
    }

    fn read_json(&mut self, body: &[u8]) -> Result<(), Problem> {
        let text = std::str::from_utf8(body).map_err(|error| no_text(error.valid_up_to()))?;
        self.json = JsonRow::parse(text).map_err(|error| no_object(&error.to_string()))?;
        Ok(())
    }

    fn published(
        &self,
        id: u32,
        format: registry::Format,
    ) -> Result<Arc<registry::RegisteredSchema>, Problem> {
        let schema = self.schemas.find(id).ok_or_else(|| unknown(id))?;
        match schema.kept.format == format {
            true => Ok(schema),
            false => Err(other_format(id, schema.kept.format, format)),
        }
    }

    fn avro(&mut self, id: u32) -> Result<Arc<AvroSchema>, Problem> {
        if let Some(schema) = self.known.get(&id) {
            return Ok(schema.clone());
        }
        let schema = self.published(id, registry::Format::Avro)?;
        let schema = AvroSchema::parse(&schema.kept.text).map_err(|error| {
            let zh = format!("模式 {id} 不是平面记录，读不出行");
            unreadable(zh, format!("schema {id} holds no rows: {error}"))
        })?;
        let schema = Arc::new(schema);
        self.known.insert(id, schema.clone());
        Ok(schema)
    }

    /// The row that a message without value deletes.
    fn tombstone(&mut self, key: Option<&[u8]>) -> Result<Fields<'_>, Problem> {
        let Some(tombstones) = &self.tombstones else {
            return Err(unreadable(
                "消息没有值（墓碑），连接器未声明 tombstones，不知删除哪一行".into(),
                "the message has no value, and the connector does not say by `tombstones` which \
                 row that deletes"
                    .into(),
            ));
        };
        let key = key.filter(|key| !key.is_empty()).ok_or_else(no_key)?;
        let text = std::str::from_utf8(key).map_err(|error| no_text(error.valid_up_to()))?;
        let mut fields: Fields<'_> = match tombstones.key() {
            [column] => {
                self.key.clear();
                self.key.push_str(text);
                vec![(column.as_str(), Some(self.key.as_str()))]
            }
            columns => {
                self.json = JsonRow::parse(text).map_err(|error| no_object(&error.to_string()))?;
                let json = &self.json;
                let field = |name| Some((name, json.get(name)?));
                let found = columns.iter().map(|column| field(column.as_str()));
                found.collect::<Option<_>>().ok_or_else(no_key)?
            }
        };
        fields.push((tombstones.column.as_str(), Some("true")));
        Ok(fields)
    }
}

/// Number of the schema, and the body: Confluent's wire format.
fn framed(value: &[u8]) -> Result<(u32, &[u8]), Problem> {
    match value.split_first_chunk::<5>() {
        Some(([0, id @ ..], body)) => Ok((u32::from_be_bytes(*id), body)),
        _ => Err(unreadable(
            "值不是 Confluent 格式：应以字节 0 和四字节的模式编号开头".into(),
            "the value does not begin with byte 0 and the number of a schema in four bytes".into(),
        )),
    }
}

fn unreadable(zh: String, en: String) -> Problem {
    Problem { code: Code::Unreadable, zh, en }
}

fn too_large(bytes: usize, most: usize) -> Problem {
    unreadable(
        format!("值有 {bytes} 字节，上限为 {most}"),
        format!("the value has {bytes} bytes, more than limits.record_bytes_max of {most}"),
    )
}

fn no_text(at: usize) -> Problem {
    let zh = format!("不是 UTF-8 文本（第 {} 字节）", at + 1);
    Problem { code: Code::Encoding, zh, en: format!("it is not UTF-8 (at byte {})", at + 1) }
}

fn no_object(problem: &str) -> Problem {
    unreadable(
        "不是一个由单个值组成的 JSON 对象".into(),
        format!("it is not a JSON object of single values: {problem}"),
    )
}

fn no_key() -> Problem {
    unreadable(
        "消息没有值，其键也不含 tombstones 声明的列".into(),
        "the message has no value, and its key lacks a column that `tombstones` names".into(),
    )
}

fn own_column(column: &str) -> Problem {
    unreadable(
        format!("消息自带列 {column}，与 tombstones.column 重名"),
        format!("the message has a field `{column}` of its own: `tombstones.column` needs another"),
    )
}

fn unknown(id: u32) -> Problem {
    unreadable(
        format!("模式 {id} 未登记：没有已发布的目录版本使用该编号"),
        format!("schema {id} is unknown: no published entry version has this number"),
    )
}

fn other_format(id: u32, is: registry::Format, wanted: registry::Format) -> Problem {
    let (is, wanted) = (is.as_str(), wanted.as_str());
    unreadable(
        format!("模式 {id} 为 {is}，连接器读取 {wanted}"),
        format!("schema {id} is of type {is}, and the connector reads {wanted}"),
    )
}

fn undecoded(error: DecodeError) -> Problem {
    let zh = match &error {
        DecodeError::Short(item) => format!("值在 {item} 处中断"),
        DecodeError::Value(item) => format!("{item} 处的字节不是该类型的值"),
        DecodeError::Long(bytes) => format!("最后一项之后多出 {bytes} 字节"),
    };
    unreadable(zh, error.to_string())
}
