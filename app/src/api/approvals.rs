//! Orders that wait for a second person.

use highwater_model::{Approval, CarriedOut, DecideBody};

use super::browser::Sending;
use super::{Answer, Api, Query};

impl Api {
    /// Those that wait, the oldest first; then those that are over, the newest first.
    pub async fn approvals(&self) -> Answer<Vec<Approval>> {
        self.get(Query::new("/api/approvals")).await
    }

    /// Those that wait, without what was sent along.
    pub async fn open_approvals(&self) -> Answer<Vec<Approval>> {
        let mut query = Query::new("/api/approvals");
        query.text("open", "true");
        self.get(query).await
    }

    /// Agrees to one: it is carried out at once.
    pub async fn approve(&self, id: i64, comment: String) -> Answer<CarriedOut> {
        self.post(of(id, "/approve"), &said(comment)).await
    }

    /// Declines one.
    pub async fn decline(&self, id: i64, comment: String) -> Answer<Approval> {
        self.post(of(id, "/decline"), &said(comment)).await
    }

    /// Withdraws one's own.
    pub async fn withdraw(&self, id: i64) -> Answer<()> {
        let (method, path, body) = ("DELETE", of(id, ""), None);
        self.send(Sending { method, path, body }).await.map(drop)
    }
}

fn of(id: i64, part: &str) -> String {
    format!("/api/approvals/{id}{part}")
}

fn said(comment: String) -> DecideBody {
    let comment = Some(comment).filter(|comment| !comment.is_empty());
    DecideBody { comment }
}
