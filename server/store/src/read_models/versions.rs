//! Versions of read models, as they are listed and as they are run.

use std::collections::BTreeMap;

use highwater_model::{
    FailurePolicy, HandlerKind, Lag, Position, ReadModel, ReadModelState, ReadModelVersion,
    VersionRole,
};
use jiff_sqlx::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};

use super::{LagSample, ReadModelError, trend};
use crate::maintenance::since_when;
use crate::{Store, StoreError};

/// A version that a runner could take: a live one, a shadow, or a previous one that is being gone back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnableVersion {
    /// The read model.
    pub read_model_id: i32,
    /// Its name.
    pub name: String,
    /// The version.
    pub version_id: i64,
    /// Its schema; none for a projection in code.
    pub schema: Option<String>,
    /// How its handler is run; none for a projection in code.
    pub handler: Option<HandlerKind>,
    /// What happens with an event that can't be handled.
    pub policy: FailurePolicy,
    /// State.
    pub state: ReadModelState,
    /// Up to where it had handled the log when it was looked up.
    pub checkpoint: Position,
    /// What it is for.
    pub role: VersionRole,
    /// The job that it is run for.
    pub job_id: Option<i64>,
    /// The first event that this job handles again.
    pub replays_from: Option<Position>,
}

impl RunnableVersion {
    /// The key of its lease: the live version and the one that is built beside it may run in different servers.
    pub fn lease(&self) -> i32 {
        if self.role == VersionRole::Live {
            self.read_model_id
        } else {
            -self.read_model_id
        }
    }
}

/// Whether a read model has handled everything up to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandledUpTo {
    /// It has: no event that it handles lies between its checkpoint and the position.
    pub handled: bool,
    /// Its checkpoint.
    pub checkpoint: Position,
}

pub(super) fn stored<T: Copy>(
    all: &[T],
    name: &str,
    as_str: impl Fn(T) -> &'static str,
) -> Result<T, StoreError> {
    all.iter()
        .copied()
        .find(|&value| as_str(value) == name)
        .ok_or_else(|| {
            StoreError::Broken(format!("the database holds {name:?}, which means nothing"))
        })
}

const POLICIES: [FailurePolicy; 3] = [
    FailurePolicy::Stop,
    FailurePolicy::Retry,
    FailurePolicy::Skip,
];

fn handler(name: Option<&str>) -> Option<HandlerKind> {
    name.map(|name| {
        if name == "each" {
            HandlerKind::Each
        } else {
            HandlerKind::Slice
        }
    })
}

struct Listed {
    name: String,
    describe: Option<String>,
    source: String,
    leased: bool,
    /// Its checkpoint went back at this moment: what its lag was before tells nothing of how fast it falls.
    replays_since: Option<jiff::Timestamp>,
    version: ReadModelVersion,
}

/// All versions. A lease shows whether somebody runs a read model, whatever the last runner wrote down before it died.
const LISTED: &str = "
    select m.name, m.source, v.version_id, v.number, v.role, v.definition, v.describe, v.event_types, v.handler, v.policy, v.schema_name, v.created_at,
      p.state, p.reason, p.since, p.generation, p.checkpoint, p.checkpoint_event_id, p.handled, p.moved_at,
      (select count(*) from highwater.read_model_failures f where f.version_id = v.version_id and f.outcome = 'open') as failures,
      exists (select from pg_locks l where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())
        and l.classid = 7211 and l.objid::bigint::bit(32)::int = case v.role when 'live' then 1 else -1 end * m.read_model_id and l.objsubid = 2 and l.granted) as leased,
      (select j.created_at from highwater.jobs j where j.version_id = v.version_id and j.kind = 'replay' and j.state = 'running' and j.swapped_at is null) as replays_since
    from highwater.read_models m
    join highwater.read_model_versions v using (read_model_id)
    join highwater.read_model_progress p using (version_id)
    where $1::text is null or m.name = $1
    order by m.name, case v.role when 'live' then 0 when 'shadow' then 1 when 'previous' then 2 else 3 end
    limit 4000";

impl FromRow<'_, PgRow> for Listed {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let decode = |error: StoreError| sqlx::Error::Decode(Box::new(error));
        let state: &str = row.try_get("state")?;
        let role: &str = row.try_get("role")?;
        let policy: &str = row.try_get("policy")?;
        Ok(Self {
            name: row.try_get("name")?,
            describe: row.try_get("describe")?,
            source: row.try_get("source")?,
            leased: row.try_get("leased")?,
            replays_since: row
                .try_get::<Option<Timestamp>, _>("replays_since")?
                .map(Timestamp::to_jiff),
            version: ReadModelVersion {
                id: row.try_get("version_id")?,
                number: row.try_get("number")?,
                role: stored(&VersionRole::ALL, role, VersionRole::as_str).map_err(decode)?,
                definition: row.try_get("definition")?,
                events: row.try_get("event_types")?,
                handler: handler(row.try_get("handler")?),
                policy: stored(&POLICIES, policy, FailurePolicy::as_str).map_err(decode)?,
                schema: row.try_get("schema_name")?,
                state: stored(&ReadModelState::ALL, state, ReadModelState::as_str)
                    .map_err(decode)?,
                reason: row.try_get("reason")?,
                since: row.try_get::<Timestamp, _>("since")?.to_jiff(),
                checkpoint: Position(row.try_get("checkpoint")?),
                checkpoint_event_id: row.try_get("checkpoint_event_id")?,
                moved_at: row
                    .try_get::<Option<Timestamp>, _>("moved_at")?
                    .map(Timestamp::to_jiff),
                generation: row.try_get("generation")?,
                handled: row.try_get("handled")?,
                failures: row.try_get("failures")?,
                created_at: row.try_get::<Timestamp, _>("created_at")?.to_jiff(),
            },
        })
    }
}

impl Store {
    /// Every read model (1,000 at most), by name.
    pub async fn read_models(&self) -> Result<Vec<ReadModel>, StoreError> {
        self.listed(None).await
    }

    /// One read model.
    pub async fn read_model(&self, name: &str) -> Result<ReadModel, ReadModelError> {
        self.listed(Some(name))
            .await?
            .pop()
            .ok_or_else(|| ReadModelError::Unknown {
                name: name.to_owned(),
            })
    }

    async fn listed(&self, name: Option<&str>) -> Result<Vec<ReadModel>, StoreError> {
        let rows: Vec<Listed> = sqlx::query_as(LISTED)
            .bind(name)
            .fetch_all(self.pool())
            .await?;
        let samples: BTreeMap<i64, LagSample> = self
            .lag_samples(name)
            .await?
            .into_iter()
            .map(|sample| (sample.version_id, sample))
            .collect();
        let recent = self.recent_lag().await?;
        let maintenance = self.maintenance().await?;
        let mut found: Vec<ReadModel> = Vec::new();
        for Listed {
            name,
            describe,
            source,
            leased,
            replays_since,
            mut version,
        } in rows
        {
            // One that was defined just now will be taken in a moment.
            let begins = version.state == ReadModelState::Starting
                && self.clock().now().duration_since(version.since).as_secs() < 10;
            if version.state.is_running() && !leased && !begins {
                version.state = ReadModelState::Stopped;
                version.reason = Some(
                    "no server runs it at this moment; one that can takes it within 10 s"
                        .to_owned(),
                );
            }
            // Its state stays what it is, and its runner goes on with it afterwards.
            let held = maintenance.as_ref().filter(|_| version.state.is_running());
            if let Some(maintenance) = held {
                version.reason = Some(format!("maintenance {}", since_when(maintenance)));
            }
            if let Some(read_model) = found.last_mut().filter(|last| last.name == name) {
                read_model.versions.push(version);
                continue;
            }
            let lag = samples
                .get(&version.id)
                .map_or(Lag::default(), |sample| sample.lag);
            let history = recent.get(&version.id).map_or(&[][..], Vec::as_slice);
            let since = replays_since.map_or(0, |moment| {
                history.partition_point(|point| point.at < moment)
            });
            let history = &history[since..];
            let stands_on = self.stands_on(&version).await?;
            found.push(ReadModel {
                describe,
                source,
                state: version.state,
                reason: version.reason.clone(),
                since: version.since,
                checkpoint: version.checkpoint,
                rate: trend::rate(history),
                trend: if held.is_some() {
                    "waits for the end of maintenance".to_owned()
                } else {
                    trend::trend(
                        &version,
                        stands_on.as_ref(),
                        lag,
                        history,
                        replays_since.is_some(),
                        self.clock().now(),
                    )
                },
                stands_on,
                lag,
                name,
                versions: vec![version],
            });
        }
        Ok(found)
    }

    /// The versions that should run, as runners need them.
    pub async fn runnable_versions(&self) -> Result<Vec<RunnableVersion>, StoreError> {
        let rows: Vec<PgRow> = sqlx::query(
            "select m.read_model_id, m.name, v.version_id, v.schema_name, v.handler, v.policy, v.role, p.state, p.checkpoint, j.job_id, j.replay_from
             from highwater.read_models m join highwater.read_model_versions v using (read_model_id) join highwater.read_model_progress p using (version_id)
             left join highwater.jobs j on j.version_id = v.version_id and j.state = 'running' and j.swapped_at is null and (v.role <> 'live' or j.kind = 'replay')
             where v.role in ('live', 'shadow') or v.role = 'previous' and j.kind = 'go_back' order by m.read_model_id limit 3000",
        )
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                let (policy, state, role): (String, String, String) = (
                    row.try_get("policy")?,
                    row.try_get("state")?,
                    row.try_get("role")?,
                );
                Ok(RunnableVersion {
                    read_model_id: row.try_get("read_model_id")?,
                    name: row.try_get("name")?,
                    version_id: row.try_get("version_id")?,
                    schema: row.try_get("schema_name")?,
                    handler: handler(row.try_get("handler")?),
                    policy: stored(&POLICIES, &policy, FailurePolicy::as_str)?,
                    state: stored(&ReadModelState::ALL, &state, ReadModelState::as_str)?,
                    checkpoint: Position(row.try_get("checkpoint")?),
                    role: stored(&VersionRole::ALL, &role, VersionRole::as_str)?,
                    job_id: row.try_get("job_id")?,
                    replays_from: row.try_get::<Option<i64>, _>("replay_from")?.map(Position),
                })
            })
            .collect()
    }

    /// Whether the live version has handled every event up to a position: its checkpoint may be lower when none of the events
    /// between concern it.
    pub async fn handled_up_to(
        &self,
        name: &str,
        position: Position,
    ) -> Result<HandledUpTo, ReadModelError> {
        let found: Option<(i64, bool)> = sqlx::query_as(
            "select p.checkpoint, p.checkpoint >= $2 or (n.head >= $2 and coalesce(n.first > $2, true))
             from highwater.read_models m join highwater.read_model_versions v on v.read_model_id = m.read_model_id and v.role = 'live'
             join highwater.read_model_progress p using (version_id)
             cross join lateral highwater.next_slice(highwater.types_like(v.event_patterns), p.checkpoint, 1, 1) n
             where m.name = $1",
        )
        .bind(name)
        .bind(position.0)
        .fetch_optional(self.pool())
        .await?;
        let (checkpoint, handled) = found.ok_or_else(|| ReadModelError::Unknown {
            name: name.to_owned(),
        })?;
        Ok(HandledUpTo {
            handled,
            checkpoint: Position(checkpoint),
        })
    }
}
