//! Where traces are sent.

use anyhow::bail;
use reqwest::Url;

use super::ServeArgs;

impl ServeArgs {
    /// The collector, if there is one. An empty variable of the surroundings is none.
    pub fn otlp_endpoint(&self) -> anyhow::Result<Option<Url>> {
        let Some(text) = self
            .otlp_endpoint
            .as_deref()
            .filter(|text| !text.is_empty())
        else {
            return Ok(None);
        };
        let Some(url) = Url::parse(text).ok().filter(Url::has_host) else {
            bail!("--otlp-endpoint is no address; it is one like http://127.0.0.1:4318");
        };
        if !matches!(url.scheme(), "http" | "https") {
            bail!(
                "--otlp-endpoint is {}; spans are sent by http or https (the port is most often 4318)",
                url.scheme()
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            bail!(
                "--otlp-endpoint names a user or a password, which are not sent; put a header into OTEL_EXPORTER_OTLP_HEADERS instead"
            );
        }
        Ok(Some(url))
    }
}
