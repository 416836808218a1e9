//! Masked fields: the rules, and read models that hold nothing of them.

use highwater_model::{MaskCleared, MaskRule, MaskRuleBody, Masking, OrderBody};

use super::browser::Sending;
use super::{Answer, Api, Query, escape};

const PATH: &str = "/api/masking";

impl Api {
    /// What is masked.
    pub async fn masking(&self) -> Answer<Masking> {
        self.get(Query::new(PATH)).await
    }

    /// Masks a field.
    pub async fn mask(&self, rule: &MaskRuleBody) -> Answer<MaskRule> {
        self.post(PATH.to_owned(), rule).await
    }

    /// Removes a rule.
    pub async fn unmask(&self, id: i64) -> Answer<()> {
        self.take_away(format!("{PATH}/{id}")).await
    }

    /// Says that a read model holds nothing that is masked.
    pub async fn clear_of_masks(&self, read_model: &str, reason: String) -> Answer<MaskCleared> {
        let reason = Some(reason);
        self.put(cleared(read_model), &OrderBody { reason }).await
    }

    /// Takes that back.
    pub async fn not_clear_of_masks(&self, read_model: &str) -> Answer<()> {
        self.take_away(cleared(read_model)).await
    }

    async fn take_away(&self, path: String) -> Answer<()> {
        let (method, body) = ("DELETE", None);
        self.send(Sending { method, path, body }).await.map(drop)
    }
}

fn cleared(read_model: &str) -> String {
    format!("{PATH}/cleared/{}", escape(read_model))
}
