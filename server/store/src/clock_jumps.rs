//! What was noted by a clock that has been set back since. Each of these moments lies ahead by more than it could, and whoever waits for it would wait
//! for as long as the clock has jumped.

use crate::{Store, StoreError};

/// In the order in which they are run; each skips rows that somebody is at, whose own note is of now.
const NOTES: [&str; 4] = [
    // A read model without events of its own moves once a second.
    "update highwater.read_model_progress set moved_at = clock_timestamp() where version_id in (
       select version_id from highwater.read_model_progress where moved_at > clock_timestamp() + interval '5 seconds' for no key update skip locked)",
    // A swap is verified some seconds later.
    "update highwater.jobs set swapped_at = clock_timestamp() where job_id in (
       select job_id from highwater.jobs where state = 'running' and swapped_at > clock_timestamp() + interval '5 seconds' for no key update skip locked)",
    // A webhook is told again after an hour at most.
    "update highwater.alert_tellings set next_at = clock_timestamp() where telling_id in (
       select telling_id from highwater.alert_tellings where told_at is null and given_up_at is null
         and next_at > clock_timestamp() + interval '1 hour 5 seconds' for no key update skip locked)",
    // A member has an event for as long as the subscription says, and a failure is waited out for a minute at most. Who changes these holds the
    // subscription's row.
    "with held as (
       select s.subscription_id, s.acknowledge_within from highwater.subscriptions s
       where exists (select from highwater.subscription_deliveries d where d.subscription_id = s.subscription_id
           and (d.until > clock_timestamp() + s.acknowledge_within + interval '5 seconds' or d.due_at > clock_timestamp() + interval '65 seconds'))
         or exists (select from highwater.subscription_members m where m.subscription_id = s.subscription_id
           and m.seen_at > clock_timestamp() + interval '5 seconds')
       for no key update of s skip locked),
     seen as (
       update highwater.subscription_members m set seen_at = clock_timestamp() from held
       where m.subscription_id = held.subscription_id and m.seen_at > clock_timestamp())
     update highwater.subscription_deliveries d
     set until = case when d.until is not null then least(d.until, clock_timestamp() + held.acknowledge_within) end,
         due_at = case when d.due_at is not null then least(d.due_at, clock_timestamp() + interval '1 minute') end
     from held where d.subscription_id = held.subscription_id and (d.until is not null or d.due_at is not null)",
];

impl Store {
    /// Has nobody wait for a moment that lies ahead because the database's clock was set back.
    pub async fn follow_clock_back(&self) -> Result<(), StoreError> {
        for note in NOTES {
            sqlx::query(note).execute(self.pool()).await?;
        }
        Ok(())
    }
}
