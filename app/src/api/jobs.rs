//! Jobs: what runs, what ran, and what an operator orders of them.

use highwater_model::{Job, SpeedBody};

use super::{Answer, Api, Query};

/// Which jobs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobsRequest {
    /// Of one read model only.
    pub read_model: String,
    /// One kind only: `rebuild`, `promote`, `go_back`.
    pub kind: String,
    /// In one state only.
    pub state: String,
    /// Older than this job.
    pub before: Option<i64>,
    /// How many at most.
    pub limit: usize,
}

impl JobsRequest {
    /// The filters, without the page.
    fn query(&self, path: &str) -> Query {
        let mut query = Query::new(path);
        query.text("read_model", &self.read_model);
        query.text("kind", &self.kind);
        query.text("state", &self.state);
        query
    }

    /// Where all that they let through is a file: `csv` or `ndjson`.
    pub fn export(&self, format: &str) -> String {
        let mut query = self.query("/api/jobs/export");
        query.text("format", format);
        query.0
    }
}

impl Api {
    /// Jobs, the newest first.
    pub async fn jobs(&self, request: &JobsRequest) -> Answer<Vec<Job>> {
        let mut query = request.query("/api/jobs");
        query.number("before", request.before);
        query.number("limit", i64::try_from(request.limit).ok());
        self.get(query).await
    }

    /// One job.
    pub async fn job(&self, id: i64) -> Answer<Job> {
        self.get(Query::new(&format!("/api/jobs/{id}"))).await
    }

    /// Cancels a job. Answers it as it is then.
    pub async fn cancel(&self, id: i64) -> Answer<Job> {
        let body = serde_json::json!({});
        self.post(format!("/api/jobs/{id}/cancel"), &body).await
    }

    /// Sets how many events a second a job handles at most. Answers it as it is then.
    pub async fn set_speed(&self, id: i64, limit: Option<i32>) -> Answer<Job> {
        let body = SpeedBody {
            limit,
            reason: None,
        };
        self.post(format!("/api/jobs/{id}/speed"), &body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_has_the_filters_of_the_page_and_no_page() {
        let request = JobsRequest {
            read_model: "totals".to_owned(),
            state: "done".to_owned(),
            before: Some(9),
            limit: 50,
            ..JobsRequest::default()
        };
        assert_eq!(
            request.export("csv"),
            "/api/jobs/export?read_model=totals&state=done&format=csv"
        );
    }
}
