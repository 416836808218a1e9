//! Stream names that are easy to lose on the way.

use reqwest::Url;
use serde_json::json;

use crate::running::Running;

#[tokio::test]
async fn odd_stream_names_go_through_every_route() {
    let server = Running::start().await;
    let names = [
        "100%-1",
        "%2F-1",
        "a/b-1",
        "/-1",
        "with space-1",
        " -1",
        "🌊-1",
        "a?b#c-1",
        "a+b&c=d;e-1",
        "quote\"s'-1",
        "back\\slash-1",
        "ümläut-1",
        "-",
        "...",
    ];
    for name in names {
        let mut url = Url::parse("http://localhost").unwrap();
        url.path_segments_mut()
            .unwrap()
            .extend(["api", "streams", name]);
        let path = url.path().to_owned();
        let events = format!("{path}/events");
        let (status, body) = server.post(&events, r#"[{"type":"A","data":{}}]"#).await;
        assert_eq!(
            (status.as_u16(), &body["stream"]),
            (201, &json!(name)),
            "{name}: {body}"
        );
        assert_eq!(server.get(&path).await.1["stream"], name);
        assert_eq!(server.get(&events).await.1["events"][0]["stream"], name);
        let id = server.get(&events).await.1["events"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            server.get(&format!("/api/events/{id}")).await.1["event"]["stream"],
            name
        );
        for (path, parameter, value, list) in [
            ("/api/streams", "query", name.to_owned(), "streams"),
            (
                "/api/events",
                "filter",
                format!(
                    "stream:\"{}\"",
                    name.replace('\\', "\\\\").replace('"', "\\\"")
                ),
                "events",
            ),
        ] {
            let url = Url::parse_with_params("http://localhost", [(parameter, &value)]).unwrap();
            let (status, page) = server
                .get(&format!("{path}?{}", url.query().unwrap()))
                .await;
            assert_eq!(status, 200, "{value}: {page}");
            let found = page[list].as_array().unwrap();
            assert!(
                found.iter().any(|one| one["stream"] == name),
                "{value}: {page}"
            );
        }
    }
    let exported = server.export().await;
    let summary = Running::start().await.import(exported).await.pop().unwrap();
    assert_eq!(summary["imported"], names.len());
}
