//! The chain of the audit log: seals that show whether an action was changed, removed or put in between.
//!
//! The chain proves what stands before a seal that somebody has kept elsewhere: whoever may do everything to the database can
//! also make all seals anew.

use highwater_model::{AuditFault, AuditVerdict, Seal};

use crate::{Store, StoreError};

/// Actions that one transaction seals.
const AT_ONCE: i32 = 500;
/// A transaction that recorded an action may commit after later ones; so many ids back it is looked for each time. What commits
/// later than that is sealed when a server starts.
const LATE: i64 = 1_000;
/// Seals that are read at once while the chain is verified.
const PAGE: i64 = 5_000;
/// Faults that are told; there may be more.
const FAULTS: usize = 100;

impl Store {
    /// Seals actions that are not sealed yet, also old ones if `all`; answers whether there may be more.
    pub async fn seal_actions(&self, all: bool) -> Result<bool, StoreError> {
        let sealed: i32 = sqlx::query_scalar(
            "select highwater.seal_actions(
               case when $1 then 0 else coalesce((select max(action_id) from highwater.action_seals), 0) - $2 end, $3)",
        )
        .bind(all)
        .bind(LATE)
        .bind(AT_ONCE)
            .fetch_one(self.pool())
            .await?;
        Ok(sealed == AT_ONCE)
    }

    /// Computes the whole chain anew and compares.
    pub async fn verify_actions(&self) -> Result<AuditVerdict, StoreError> {
        type Row = (i64, i64, Vec<u8>, Option<Vec<u8>>);
        let mut verdict = AuditVerdict::default();
        // What each seal is computed from is the seal that is there before it: one fault does not hide the next.
        let (mut at, mut before) = (0_i64, None::<Vec<u8>>);
        loop {
            let rows: Vec<Row> = sqlx::query_as(
                "select s.seal, s.action_id, s.hash,
                   highwater.seal_hash(lag(s.hash, 1, coalesce($2, sha256('highwater'))) over (order by s.seal), a)
                 from highwater.action_seals s left join highwater.actions a using (action_id)
                 where s.seal > $1 order by s.seal limit $3",
            )
            .bind(at)
            .bind(&before)
            .bind(PAGE)
            .fetch_all(self.pool())
            .await?;
            let Some(last) = rows.last() else { break };
            let next = (last.0, last.2.clone());
            for (seal, action_id, hash, computed) in rows {
                let fault = if seal != at + 1 {
                    Some("seals before it are missing")
                } else if computed.as_ref() != Some(&hash) {
                    Some("it was changed, removed or put in between after it was sealed")
                } else {
                    None
                };
                if let Some(why) = fault.filter(|_| verdict.faults.len() < FAULTS) {
                    verdict.faults.push(AuditFault {
                        seal,
                        action_id,
                        why: why.to_owned(),
                    });
                }
                at = seal;
                verdict.sealed += 1;
                verdict.newest = Some(Seal {
                    seal,
                    hash: hex(&hash),
                });
            }
            before = Some(next.1);
        }
        verdict.unsealed = sqlx::query_scalar(
            "select count(*) from highwater.actions a
             where not exists (select from highwater.action_seals s where s.action_id = a.action_id)",
        )
        .fetch_one(self.pool())
        .await?;
        Ok(verdict)
    }

    /// The hash of a seal, as hexadecimal digits; none when there is no such seal.
    pub async fn seal_hash(&self, seal: i64) -> Result<Option<String>, StoreError> {
        let hash: Option<Vec<u8>> =
            sqlx::query_scalar("select hash from highwater.action_seals where seal = $1")
                .bind(seal)
                .fetch_optional(self.pool())
                .await?;
        Ok(hash.map(|hash| hex(&hash)))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
