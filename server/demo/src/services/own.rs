//! What a service brings along when it starts: its read models, what the states of its streams are, when its flows are finished.
//!
//! What is there already stays as it is: an operator may have changed it.

use highwater_model::{FlowKind, FlowRuleBody};

use super::client::{Client, ClientError};
use crate::read_models::ReadModelFile;
use crate::state_definitions::StateFile;

/// What a service brings along.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    /// Its read models.
    pub read_models: &'static [ReadModelFile],
    /// What the states of its streams are.
    pub states: &'static [StateFile],
    /// What its flows begin with, what ends them, and how long they may take, in milliseconds.
    pub flow: Option<(&'static str, &'static [&'static str], i64)>,
}

impl Own {
    /// It has no reader of its own.
    pub const NOTHING: Self = Self {
        read_models: &[],
        states: &[],
        flow: None,
    };

    /// Sees to it that it is there. The service can do without, so a refusal is told and no more.
    ///
    /// # Errors
    /// When the service was told to stop.
    pub(super) async fn bring(self, service: &str, client: &Client) -> Result<(), ClientError> {
        for (name, text) in self.read_models {
            tell(service, name, client.define(name, text).await)?;
        }
        for (category, text) in self.states {
            tell(service, category, client.define_state(category, text).await)?;
        }
        if let Some(flow) = self.flow {
            tell(service, flow.0, rule(client, flow).await)?;
        }
        Ok(())
    }
}

fn tell(service: &str, what: &str, done: Result<(), ClientError>) -> Result<(), ClientError> {
    match done {
        Err(error @ ClientError::Stopped) => Err(error),
        Err(error) => {
            tracing::warn!(service, what, %error, "the service goes on without it");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

async fn rule(
    client: &Client,
    (kind, ends, within_ms): (&str, &[&str], i64),
) -> Result<(), ClientError> {
    let kinds: Vec<FlowKind> = client.flow_kinds().await?;
    if kinds
        .iter()
        .any(|one| one.kind == kind && one.rule.is_some())
    {
        return Ok(());
    }
    let body = FlowRuleBody {
        ends: ends.iter().map(|&end| end.to_owned()).collect(),
        within_ms: Some(within_ms),
        reason: None,
    };
    client.rule_flows(kind, &body).await
}
