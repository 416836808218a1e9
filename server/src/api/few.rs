//! Arrays that are refused when they are long, without having been kept: a body of some megabytes can hold a million of something small,
//! and each would take many times its bytes.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use highwater_model::AppendToStream;
use highwater_store::{LimitError, StoreError};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

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
        return Err(too_many(events, most));
    }
    Ok(kept)
}

/// Reads what is appended to several streams, where there are not too many events in all of them: one alone can have them all.
pub(super) fn few_in_all(body: &[u8], most: usize) -> ApiResult<Vec<AppendToStream>> {
    let events = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_slice(body);
    // What has another shape is refused below, in words; up to there no more is kept than was counted here.
    let _: Result<(), _> = Counting(Count::Appends, &events).deserialize(&mut reader);
    if events.get() > most {
        return Err(too_many(events.get(), most));
    }
    few(body, most)
}

fn too_many(events: usize, limit: usize) -> ApiError {
    StoreError::from(LimitError::AppendEvents { events, limit }).into()
}

/// Counts events, and keeps none.
#[derive(Debug, Clone, Copy)]
enum Count {
    /// In an array of appends.
    Appends,
    /// In one append.
    Append,
    /// In an append's array.
    Events,
}

struct Counting<'a>(Count, &'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counting<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        match self.0 {
            Count::Appends | Count::Events => reader.deserialize_seq(self),
            Count::Append => reader.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Counting<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("appends")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        if matches!(self.0, Count::Appends) {
            while parts
                .next_element_seed(Counting(Count::Append, self.1))?
                .is_some()
            {}
            return Ok(());
        }
        while parts.next_element::<IgnoredAny>()?.is_some() {
            self.1.set(self.1.get() + 1);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            if name == "events" {
                fields.next_value_seed(Counting(Count::Events, self.1))?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
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
