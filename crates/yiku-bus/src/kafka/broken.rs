//! The rules of messages on the hub's topics that one may break.

/// Which rule a message breaks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Broken {
    /// Neither an upsert nor a delete.
    Operation,
    /// No version of its row.
    Version,
    /// A row without key.
    NoKey,
    /// A key that is no text.
    Key,
    /// Values and no value.
    NoValue,
    /// Not in the registry's form.
    Form,
    /// Shorter than the registry's form.
    Short,
    /// No entry version.
    Entry,
    /// No connector.
    Connector,
    /// No line.
    Line,
    /// No batch.
    Batch,
    /// No time.
    At,
}

impl Broken {
    /// In Chinese and in English.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Operation => (
                "缺少消息头 yiku-operation（upsert 或 delete）",
                "no header yiku-operation: upsert or delete",
            ),
            Self::Version => {
                ("缺少 28 字节的消息头 yiku-version", "no header yiku-version of 28 bytes")
            }
            Self::NoKey => ("没有键", "no key"),
            Self::Key => ("键不是 UTF-8", "a key that is not UTF-8"),
            Self::NoValue => ("upsert 消息没有值", "an upsert without value"),
            Self::Form => (
                "值不以字节 0 和模式编号开头",
                "a value that does not begin with byte 0 and a schema's number",
            ),
            Self::Short => {
                ("值短于字节 0 加模式编号", "a value shorter than byte 0 and a schema's number")
            }
            Self::Entry => ("缺少消息头 yiku-entry", "no header yiku-entry"),
            Self::Connector => ("缺少消息头 yiku-connector", "no header yiku-connector"),
            Self::Line => ("缺少数字消息头 yiku-line", "no header yiku-line with a number"),
            Self::Batch => ("缺少数字消息头 yiku-batch", "no header yiku-batch with a number"),
            Self::At => ("缺少数字消息头 yiku-at", "no header yiku-at with a number"),
        }
    }
}
