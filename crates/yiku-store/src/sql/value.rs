//! A value on its way into a statement. Databases hold three types here: `BIGINT`, `TEXT`, `BYTEA`.

use std::borrow::Cow;

use sqlx::{
    Database, Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo},
    sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo},
};

/// A value, borrowed where it may be. A NULL has its type too.
#[derive(Clone, Debug)]
pub enum Value<'v> {
    /// A `BIGINT`.
    Int(Option<i64>),
    /// A `TEXT`.
    Text(Option<Cow<'v, str>>),
    /// A `BYTEA`.
    Blob(Option<Cow<'v, [u8]>>),
}

impl Type<Sqlite> for Value<'_> {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }

    fn compatible(_: &SqliteTypeInfo) -> bool {
        true
    }
}

impl Encode<'_, Sqlite> for Value<'_> {
    fn encode(self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        encode::<Sqlite>(self, buffer)
    }

    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        encode::<Sqlite>(self.clone(), buffer)
    }
}

impl Type<Postgres> for Value<'_> {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Value<'_> {
    fn encode(self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Self::Text(Some(text)) => Encode::<Postgres>::encode(&*without_nul(&text), buffer),
            other => encode::<Postgres>(other, buffer),
        }
    }

    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(self.clone(), buffer)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(match self {
            Self::Int(_) => <i64 as Type<Postgres>>::type_info(),
            Self::Text(_) => <str as Type<Postgres>>::type_info(),
            Self::Blob(_) => <[u8] as Type<Postgres>>::type_info(),
        })
    }
}

fn encode<DB: Database>(
    value: Value<'_>,
    buffer: &mut DB::ArgumentBuffer,
) -> Result<IsNull, BoxDynError>
where
    for<'q> i64: Encode<'q, DB>,
    for<'q> &'q str: Encode<'q, DB>,
    for<'q> String: Encode<'q, DB>,
    for<'q> &'q [u8]: Encode<'q, DB>,
    for<'q> Vec<u8>: Encode<'q, DB>,
{
    match value {
        Value::Int(Some(number)) => number.encode(buffer),
        Value::Text(Some(Cow::Borrowed(text))) => text.encode(buffer),
        Value::Text(Some(Cow::Owned(text))) => text.encode(buffer),
        Value::Blob(Some(Cow::Borrowed(bytes))) => bytes.encode(buffer),
        Value::Blob(Some(Cow::Owned(bytes))) => bytes.encode(buffer),
        Value::Int(None) | Value::Text(None) | Value::Blob(None) => Ok(IsNull::Yes),
    }
}

/// PostgreSQL's text holds no NUL, SQLite's does. No accepted row has one; of rejected rows and of
/// what far systems say a character that stands for it is kept.
pub(crate) fn without_nul(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}").into(),
        false => text.into(),
    }
}

macro_rules! into_value {
    ($($from:ty, $value:ident => $into:expr;)*) => {$(
        impl<'v> From<$from> for Value<'v> {
            fn from($value: $from) -> Self {
                $into
            }
        }
    )*};
}

into_value! {
    i64, number => Self::Int(Some(number));
    &i64, number => Self::Int(Some(*number));
    i32, number => Self::Int(Some(number.into()));
    u32, number => Self::Int(Some(number.into()));
    bool, truth => Self::Int(Some(truth.into()));
    Option<i64>, number => Self::Int(number);
    &'v str, text => Self::Text(Some(Cow::Borrowed(text)));
    &'v &'v str, text => Self::Text(Some(Cow::Borrowed(text)));
    &'v String, text => Self::Text(Some(Cow::Borrowed(text)));
    String, text => Self::Text(Some(Cow::Owned(text)));
    Option<&'v str>, text => Self::Text(text.map(Cow::Borrowed));
    Option<&'v String>, text => Self::Text(text.map(|text| Cow::Borrowed(text.as_str())));
    Option<String>, text => Self::Text(text.map(Cow::Owned));
    &'v Option<String>, text => Self::Text(text.as_deref().map(Cow::Borrowed));
    &'v [u8], bytes => Self::Blob(Some(Cow::Borrowed(bytes)));
    Vec<u8>, bytes => Self::Blob(Some(Cow::Owned(bytes)));
    &'v Vec<u8>, bytes => Self::Blob(Some(Cow::Borrowed(bytes)));
    Option<&'v [u8]>, bytes => Self::Blob(bytes.map(Cow::Borrowed));
}

impl<'v, const N: usize> From<&'v [u8; N]> for Value<'v> {
    fn from(bytes: &'v [u8; N]) -> Self {
        Self::Blob(Some(Cow::Borrowed(bytes)))
    }
}

impl<'v, const N: usize> From<&'v Option<[u8; N]>> for Value<'v> {
    fn from(bytes: &'v Option<[u8; N]>) -> Self {
        Self::Blob(bytes.as_ref().map(|bytes| Cow::Borrowed(bytes.as_slice())))
    }
}
