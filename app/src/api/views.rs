//! Saved views.

use highwater_model::{SavedView, SavedViewBody};

use super::browser::Sending;
use super::{Answer, Api, Query};

impl Api {
    /// Views of one's own, and those that others share.
    pub async fn views(&self) -> Answer<Vec<SavedView>> {
        self.get(Query::new("/api/views")).await
    }

    /// Saves a view.
    pub async fn save_view(&self, view: &SavedViewBody) -> Answer<SavedView> {
        self.post("/api/views".to_owned(), view).await
    }

    /// Removes a view.
    pub async fn remove_view(&self, id: i64) -> Answer<()> {
        let path = format!("/api/views/{id}");
        let (method, body) = ("DELETE", None);
        self.send(Sending { method, path, body }).await.map(drop)
    }
}
