//! Finding things of the store by a part of their name, by id or by position: for ⌘K, while somebody types.

use highwater_model::find::fit;
use highwater_model::{FindAnswer, Found, FoundKind, Position};
use uuid::Uuid;

use crate::{Store, StoreError};

/// Of each kind so many are answered.
const EACH: usize = 8;
/// The newest streams whose names are looked through for a text in their middle: a twentieth of a second.
const LOOKED: i64 = 100_000;
/// A text is as long as a stream's name at most.
const LONGEST: usize = 255;
/// Letters of an id from which things are found by its beginning; fewer would be any of many.
const ID_LETTERS: usize = 6;

/// The categories, by a probe of the index each.
const CATEGORIES: &str = "
with recursive found(category) as (
  (select s.category from highwater.streams s order by s.category limit 1)
  union all
  select (select s.category from highwater.streams s where s.category > f.category order by s.category limit 1)
  from found f where f.category is not null
) select category from found where category is not null limit 1000";

/// Streams whose name begins with the text, or whose id behind one of the categories does: index ranges, however many streams there are.
/// Names are sorted by bytes, and nothing sorts behind the last character.
const STREAMS_BEGIN: &str = "
with texts(text) as (
  select $1 union select lower($1)
  union all select g.category || '-' || $1 from unnest($3::text[]) g(category) limit 200
)
select distinct f.name from texts t
cross join lateral (
  select s.name from highwater.streams s where s.name >= t.text and s.name < t.text || chr(1114111) order by s.name limit $2
) f limit $2 * 4";

/// Streams that have the text anywhere, among the newest.
const STREAMS_HAVE: &str = "
select f.name from (select s.name, s.stream_id from highwater.streams s order by s.stream_id desc limit $2) f
where lower(f.name) like lower($1) order by f.stream_id desc limit $3";

impl Store {
    /// Streams, events, flows, read models, types and categories that a text names, the best first.
    pub async fn find(&self, text: &str) -> Result<FindAnswer, StoreError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(FindAnswer {
                found: Vec::new(),
                looked_at_all: true,
            });
        }
        if text.len() > LONGEST || text.contains('\0') {
            return Err(StoreError::BadQuery(format!(
                "a text to find has up to {LONGEST} bytes, and no NUL"
            )));
        }
        let mut found = self.find_by_id(text).await?;
        found.extend(self.find_by_position(text).await?);
        let categories: Vec<String> = sqlx::query_scalar(CATEGORIES)
            .fetch_all(self.pool())
            .await?;
        let (streams, looked_at_all) = self.find_streams(text, &categories).await?;
        let mut named = self.find_named(text, categories).await?;
        named.extend(streams);
        // What fits best comes first, of the same fit what there are few of.
        named.sort_by_key(|found| {
            (
                fits(&found.name, text).unwrap_or(4),
                found.kind,
                found.name.len(),
            )
        });
        found.extend(named);
        Ok(FindAnswer {
            found,
            looked_at_all,
        })
    }

    /// Events and flows by their id, or by its first letters.
    async fn find_by_id(&self, text: &str) -> Result<Vec<Found>, StoreError> {
        let Some((low, high)) = ids_that_begin(text) else {
            return Ok(Vec::new());
        };
        let events: Vec<(Uuid, String, String)> = sqlx::query_as(
            "select e.event_id, k.name, s.name from highwater.events e join highwater.event_types k using (type_id) join highwater.streams s using (stream_id)
             where e.event_id between $1 and $2 order by e.event_id limit 4",
        )
        .bind(low)
        .bind(high)
        .fetch_all(self.pool())
        .await?;
        let flows: Vec<(Uuid, String)> = sqlx::query_as(
            "select f.correlation_id, k.name from (
               select e.correlation_id, min(e.position) as position
               from (select c.correlation_id, c.position from highwater.events c where c.correlation_id between $1 and $2 order by c.correlation_id, c.position limit 2000) e
               group by 1 order by 1 limit 4
             ) f join highwater.events e using (position) join highwater.event_types k using (type_id) order by f.position",
        )
        .bind(low)
        .bind(high)
        .fetch_all(self.pool())
        .await?;
        let flows = flows.into_iter().map(|(id, kind)| Found {
            kind: FoundKind::Flow,
            name: id.to_string(),
            detail: format!("begins with {kind}"),
        });
        let events = events.into_iter().map(|(id, event_type, stream)| Found {
            kind: FoundKind::Event,
            name: id.to_string(),
            detail: format!("{event_type} in {stream}"),
        });
        Ok(events.chain(flows).collect())
    }

    /// The event at a position: digits, with blanks between thousands as the console writes them.
    async fn find_by_position(&self, text: &str) -> Result<Option<Found>, StoreError> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let Some(position) = digits.parse().ok().filter(|position| *position > 0) else {
            return Ok(None);
        };
        let event: Option<(Uuid, String, String)> = sqlx::query_as(
            "select e.event_id, k.name, s.name from highwater.events e join highwater.event_types k using (type_id) join highwater.streams s using (stream_id)
             where e.position = $1",
        )
        .bind(position)
        .fetch_optional(self.pool())
        .await?;
        Ok(event.map(|(id, event_type, stream)| Found {
            kind: FoundKind::Event,
            name: id.to_string(),
            detail: format!("{event_type} in {stream} at {}", Position(position)),
        }))
    }

    /// Read models, types and categories: there are few of them.
    async fn find_named(
        &self,
        text: &str,
        categories: Vec<String>,
    ) -> Result<Vec<Found>, StoreError> {
        let read_models = "select name from highwater.read_models order by name limit 10000";
        let types = "select name from highwater.event_types order by name limit 10000";
        let kinds: [(FoundKind, Vec<String>); 3] = [
            (
                FoundKind::ReadModel,
                sqlx::query_scalar(read_models)
                    .fetch_all(self.pool())
                    .await?,
            ),
            (
                FoundKind::Type,
                sqlx::query_scalar(types).fetch_all(self.pool()).await?,
            ),
            (FoundKind::Category, categories),
        ];
        let mut found = Vec::new();
        for (kind, names) in kinds {
            let mut fitting: Vec<(u8, usize, String)> = names
                .into_iter()
                .filter_map(|name| Some((fits(&name, text)?, name.len(), name)))
                .collect();
            fitting.sort();
            found.extend(fitting.into_iter().take(EACH).map(|(_, _, name)| Found {
                kind,
                name,
                detail: String::new(),
            }));
        }
        Ok(found)
    }

    /// Streams, and whether all were looked through.
    async fn find_streams(
        &self,
        text: &str,
        categories: &[String],
    ) -> Result<(Vec<Found>, bool), StoreError> {
        let most = i64::try_from(EACH).unwrap_or(8);
        let mut names: Vec<String> = sqlx::query_scalar(STREAMS_BEGIN)
            .bind(text)
            .bind(most)
            .bind(categories)
            .fetch_all(self.pool())
            .await?;
        let mut looked_at_all = true;
        if names.len() < EACH {
            let pattern = format!("%{}%", crate::filter_sql::escape_like(text));
            let others: Vec<String> = sqlx::query_scalar(STREAMS_HAVE)
                .bind(pattern)
                .bind(LOOKED)
                .bind(most)
                .fetch_all(self.pool())
                .await?;
            for name in others {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            // Ids are given one after the other, so this is how many streams there are, or a few more.
            let newest: Option<i64> =
                sqlx::query_scalar("select max(stream_id) from highwater.streams")
                    .fetch_one(self.pool())
                    .await?;
            looked_at_all = newest.unwrap_or(0) <= LOOKED;
        }
        names.sort_by_key(|name| (fit(name, text).unwrap_or(4), name.len(), name.clone()));
        let streams = names.into_iter().take(EACH).map(|name| Found {
            kind: FoundKind::Stream,
            name,
            detail: String::new(),
        });
        Ok((streams.collect(), looked_at_all))
    }
}

/// How well a name fits; a person writes blanks where a read model's name has none.
fn fits(name: &str, text: &str) -> Option<u8> {
    fit(name, text).or_else(|| fit(name, &text.replace(' ', "_")))
}

/// The first and the last id that begin with these letters; none when they begin no id.
fn ids_that_begin(text: &str) -> Option<(Uuid, Uuid)> {
    let letters: String = text.chars().filter(|c| *c != '-').collect();
    let is_id = (ID_LETTERS..=32).contains(&letters.len())
        && letters.bytes().all(|letter| letter.is_ascii_hexdigit());
    let ends =
        |with: &str| Uuid::parse_str(&format!("{letters}{}", with.repeat(32 - letters.len())));
    is_id.then(|| ends("0").ok().zip(ends("f").ok()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_a_range_of_ids() {
        let (low, high) = ids_that_begin("01900000-00").unwrap();
        assert_eq!(low.to_string(), "01900000-0000-0000-0000-000000000000");
        assert_eq!(high.to_string(), "01900000-00ff-ffff-ffff-ffffffffffff");
        let whole = "01900000-0000-7000-8000-000000000001";
        assert_eq!(
            ids_that_begin(whole).unwrap().0,
            ids_that_begin(whole).unwrap().1
        );
        for no in ["0190", "order-1", "01900000-0000-7000-8000-0000000000011"] {
            assert_eq!(ids_that_begin(no), None, "{no}");
        }
    }
}
