//! Read models of each kind that users write, and what each has to be: a query over the whole log.

use anyhow::{Result, bail};

use super::http::Http;

/// A kind of read model.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    definition: &'static str,
    /// Its tables, and what they have to hold by `soak_log`.
    tables: &'static [(&'static str, &'static str)],
}

static KINDS: [Kind; 7] = [
    Kind {
        name: "counts",
        definition: include_str!("read_models/counts.sql"),
        tables: &[("counts", "select type, count(*) from soak_log group by type")],
    },
    Kind {
        name: "order_states",
        definition: include_str!("read_models/order_states.sql"),
        tables: &[(
            "orders",
            "select distinct on (stream) stream, type, version, (data->>'cents')::bigint from soak_log order by stream, version desc",
        )],
    },
    Kind {
        name: "customers",
        definition: include_str!("read_models/customers.sql"),
        tables: &[(
            "customers",
            "select data->>'customer', count(*), sum((data->>'cents')::bigint)::bigint from soak_log where type = 'OrderPlaced' group by 1",
        )],
    },
    Kind {
        name: "cities",
        definition: include_str!("read_models/cities.sql"),
        tables: &[
            (
                "orders",
                "select stream, data->>'city' from soak_log where type = 'OrderPlaced' and version = 0",
            ),
            (
                "cities",
                "select p.data->>'city', count(*), sum((s.data->>'cents')::bigint)::bigint
                 from soak_log s join soak_log p on p.stream = s.stream and p.type = 'OrderPlaced' and p.version = 0
                 where s.type = 'ParcelSent' group by 1",
            ),
        ],
    },
    Kind {
        name: "parcels",
        definition: include_str!("read_models/parcels.sql"),
        tables: &[(
            "parcels",
            "select l.data->>'good', n.sent, l.stream, (l.data->>'cents')::bigint
             from (select count(*) as sent, max(position) as last from soak_log where type = 'ParcelSent' group by data->>'good') n
             join soak_log l on l.position = n.last",
        )],
    },
    Kind {
        name: "open_orders",
        definition: include_str!("read_models/open_orders.sql"),
        tables: &[(
            "orders",
            "select e.stream, e.data->>'customer', (e.data->>'cents')::bigint
             from (
               select distinct on (stream) stream, type, data from soak_log
               where type in ('OrderPlaced', 'ParcelSent') order by stream, version desc
             ) e where e.type = 'OrderPlaced'",
        )],
    },
    Kind {
        name: "minutes",
        definition: include_str!("read_models/minutes.sql"),
        tables: &[(
            "minutes",
            "select date_trunc('minute', occurred_at), type, count(*), sum((data->>'cents')::bigint)::bigint from soak_log group by 1, 2",
        )],
    },
];

/// One of them under a name of its own.
#[derive(Debug)]
pub(super) struct ReadModel {
    name: String,
    kind: &'static Kind,
}

impl ReadModel {
    /// The one with this number; kinds take turns.
    pub(super) fn new(number: usize) -> Self {
        let kind = &KINDS[number % KINDS.len()];
        Self {
            name: format!("{}_{number}", kind.name),
            kind,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Gives its definition to the server.
    pub(super) async fn define(&self, http: &mut Http) -> Result<()> {
        let path = format!("/api/read-models/{}", self.name);
        let headers = "content-type: text/plain\r\n";
        let answer = http
            .ask("PUT", &path, headers, self.kind.definition)
            .await?;
        if answer.status != 201 {
            bail!(
                "the definition of {} was answered with {}: {}",
                self.name,
                answer.status,
                String::from_utf8_lossy(http.body())
            );
        }
        Ok(())
    }

    /// For each table, how many rows it has too many or too few, or of other values.
    pub(super) fn differences(&self) -> impl Iterator<Item = (String, String)> {
        self.kind.tables.iter().map(move |(table, fold)| {
            let table = format!("{}.{table}", self.name);
            let sql = format!(
                "select count(*) from ((table {table} except all ({fold})) union all (({fold}) except all table {table})) d"
            );
            (table, sql)
        })
    }
}
