//! Importing: what is said twice, in one chunk or in two.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_model::{ImportLine, Position};
use highwater_store::{Ids, ImportChunk, StoreError};
use serde_json::json;
use support::fresh;

const ID: &str = "01890000-0000-7000-8000-000000000001";
const OTHER: &str = "01890000-0000-7000-8000-000000000002";

fn line(stream: &str, id: &str, data: &str) -> ImportLine {
    let text = format!(r#"{{"stream":"{stream}","type":"A","id":"{id}","data":{data}}}"#);
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn same_event_twice_in_a_chunk_is_recorded_once() {
    let fresh = fresh().await;
    let chunk = vec![
        line("a-1", ID, "1"),
        line("a-1", OTHER, "2"),
        line("a-1", ID, "1"),
    ];
    let expected = ImportChunk {
        imported: 2,
        skipped: 1,
        first_position: Some(Position(1)),
        last_position: Some(Position(2)),
    };
    assert_eq!(fresh.store.import(chunk).await.unwrap(), expected);
}

#[tokio::test]
async fn id_that_says_two_things_in_a_chunk_refuses_all_of_it() {
    let fresh = fresh().await;
    for second in [line("a-1", ID, "2"), line("a-2", ID, "1")] {
        let chunk = vec![line("a-1", OTHER, "0"), line("a-1", ID, "1"), second];
        let refused = fresh.store.import(chunk).await.unwrap_err();
        assert!(
            matches!(refused, StoreError::IdReused { id } if id.to_string() == ID),
            "{refused}"
        );
    }
    assert_eq!(
        fresh.store.mark().await.unwrap().position,
        Position::ZERO,
        "nothing of it was recorded"
    );
}

#[tokio::test]
async fn importing_twice_imports_once() {
    let fresh = fresh().await;
    let ids: Vec<_> = (0..50).map(|_| Ids.event_id()).collect();
    let lines = || -> Vec<ImportLine> {
        ids.iter()
            .enumerate()
            .map(|(number, id)| {
                serde_json::from_str(&json!({"stream": format!("i-{}", number % 3), "type": "Imported", "id": id, "data": {"n": number}, "position": 9}).to_string()).unwrap()
            })
            .collect()
    };
    let half = fresh
        .store
        .import(lines().into_iter().take(20).collect())
        .await
        .unwrap();
    assert_eq!((half.imported, half.skipped), (20, 0));
    let rest = fresh.store.import(lines()).await.unwrap();
    assert_eq!(
        (
            rest.imported,
            rest.skipped,
            rest.first_position,
            rest.last_position
        ),
        (30, 20, Some(Position(21)), Some(Position(50)))
    );
    let again = fresh.store.import(lines()).await.unwrap();
    assert_eq!(
        (again.imported, again.skipped, again.first_position),
        (0, 50, None)
    );
}
