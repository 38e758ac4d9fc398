//! Text as Linux has it (bytes, not always UTF-8) and how much of it was copied.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Bytes that are text by custom: paths, arguments, names. In JSON a string where the bytes are UTF-8, else
/// `{"hex": "…"}`, so that nothing is lost.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// The bytes as they were.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text for people: bytes that are not UTF-8 become U+FFFD.
    pub fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Text(bytes)
    }
}
impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Text(bytes.to_vec())
    }
}
impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(text.as_bytes().to_vec())
    }
}
impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(text.into_bytes())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lossy())
    }
}

#[derive(Serialize)]
struct Hex {
    hex: String,
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Hex { hex: to_hex(&self.0) }.serialize(serializer),
        }
    }
}
// by hand: an untagged enum would copy each text into a buffer first, and events are mostly texts
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(CopiedVisitor)? {
            Copied::Whole(text) => Ok(text),
            _ => Err(D::Error::custom("expected a string, or bytes as `hex`")),
        }
    }
}
impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Text: a string where the bytes are UTF-8, else the bytes as hexadecimal.",
            "oneOf": [
                {"type": "string"},
                {"type": "object", "required": ["hex"], "additionalProperties": false,
                 "properties": {"hex": {"type": "string", "pattern": "^([0-9a-f]{2})*$"}}}
            ]
        })
    }
}

/// Lower-case hexadecimal of `bytes`.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The bytes of lower- or upper-case hexadecimal `hex`, or `None` where it is none.
pub(crate) fn from_hex(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).ok()).collect()
}

/// Why a copied field could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// The page of user memory was not resident, and the sensor can't fault it in.
    NotResident,
    /// The address was not one of the process (EFAULT).
    BadAddress,
    /// The process was gone before the copy.
    Gone,
    /// The sensor doesn't copy this where the call was skipped or ended early.
    NotCopied,
}

/// A field copied out of a process or the kernel, and how much of it arrived.
///
/// JSON: the text itself where it is whole; `{"text": …, "truncated": LENGTH}` with the original length in
/// bytes where only the beginning arrived; `{"unreadable": REASON}` where nothing did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Copied {
    /// Only the beginning.
    Truncated {
        /// The bytes that arrived.
        text: Text,
        /// The original length in bytes.
        truncated: u64,
    },
    /// Nothing.
    Unreadable {
        /// Why not.
        unreadable: Unreadable,
    },
    /// All of it.
    Whole(Text),
}

impl<'de> Deserialize<'de> for Copied {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CopiedVisitor)
    }
}

/// The fields of the objects that stand for what is not a plain string.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Part {
    Hex,
    Text,
    Truncated,
    Unreadable,
}

struct CopiedVisitor;

impl<'de> Visitor<'de> for CopiedVisitor {
    type Value = Copied;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or an object with `hex`, with `text` and `truncated`, or with `unreadable`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Copied, E> {
        Ok(Copied::whole(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Copied, E> {
        Ok(Copied::whole(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Copied, A::Error> {
        let (mut hex, mut text, mut truncated, mut unreadable) = (None::<String>, None, None, None);
        while let Some(part) = map.next_key()? {
            match part {
                Part::Hex => hex = Some(map.next_value()?),
                Part::Text => text = Some(map.next_value()?),
                Part::Truncated => truncated = Some(map.next_value()?),
                Part::Unreadable => unreadable = Some(map.next_value()?),
            }
        }
        match (hex, text, truncated, unreadable) {
            (Some(hex), None, None, None) => from_hex(&hex)
                .map(|bytes| Copied::Whole(Text(bytes)))
                .ok_or_else(|| A::Error::custom("hex is not hexadecimal")),
            (None, Some(text), Some(truncated), None) => Ok(Copied::Truncated { text, truncated }),
            (None, None, None, Some(unreadable)) => Ok(Copied::Unreadable { unreadable }),
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}

impl Copied {
    /// A whole copy of `text`.
    pub fn whole(text: impl Into<Text>) -> Self {
        Copied::Whole(text.into())
    }

    /// What arrived, whole or not.
    pub fn text(&self) -> Option<&Text> {
        match self {
            Copied::Whole(text) | Copied::Truncated { text, .. } => Some(text),
            Copied::Unreadable { .. } => None,
        }
    }

    /// What arrived, only where it is whole.
    pub fn as_whole(&self) -> Option<&Text> {
        match self {
            Copied::Whole(text) => Some(text),
            _ => None,
        }
    }

    /// For people: the text, with a mark where it is not whole.
    pub fn lossy(&self) -> Cow<'_, str> {
        match self {
            Copied::Whole(text) => text.lossy(),
            Copied::Truncated { text, truncated } => format!("{}… ({truncated} bytes)", text.lossy()).into(),
            Copied::Unreadable { .. } => "?".into(),
        }
    }
}

impl From<Unreadable> for Copied {
    fn from(unreadable: Unreadable) -> Self {
        Copied::Unreadable { unreadable }
    }
}
