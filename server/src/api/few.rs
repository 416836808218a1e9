//! Arrays that are refused when they are long, without having been kept: a body of some megabytes can hold a million of something small,
//! and each would take many times its bytes.

use std::fmt;
use std::marker::PhantomData;

use highwater_store::{LimitError, StoreError};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::problem::{ApiError, ApiResult, bad_json};

/// Reads what is appended; the rest is counted only.
pub(super) fn few<T: DeserializeOwned>(body: &[u8], most: usize) -> ApiResult<Vec<T>> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let few = Few {
        most,
        of: PhantomData,
    };
    let read = few.deserialize(&mut reader);
    let read = read.and_then(|read| reader.end().map(|()| read));
    let (kept, events) = read.map_err(|error| ApiError(bad_json(&error)))?;
    if events > most {
        let limit = LimitError::AppendEvents {
            events,
            limit: most,
        };
        return Err(StoreError::from(limit).into());
    }
    Ok(kept)
}

struct Few<T> {
    most: usize,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Few<T> {
    type Value = (Vec<T>, usize);

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Few<T> {
    type Value = (Vec<T>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < self.most {
            let Some(part) = parts.next_element()? else {
                let count = kept.len();
                return Ok((kept, count));
            };
            kept.push(part);
        }
        let mut count = kept.len();
        while parts.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok((kept, count))
    }
}
