//! The OpenAPI document in docs/ is the one that the code makes.

use std::{fs, path::Path};

#[test]
fn the_committed_document_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = devproof_api::openapi().to_pretty_json().unwrap();
    if std::env::var_os("DEVPROOF_BLESS").is_some() {
        fs::write(&path, format!("{made}\n")).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        committed.trim_end() == made,
        "docs/openapi.json is not what the code makes; `devproof openapi > docs/openapi.json` writes it anew"
    );
}

/// Every path is described, and says what may go wrong.
#[test]
fn every_operation_has_a_name_a_tag_and_problems() {
    let document = serde_json::to_value(devproof_api::openapi()).unwrap();
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let context = format!("{method} {path}: {operation}");
            assert!(
                operation["operationId"].is_string() && operation["summary"].is_string(),
                "{context}"
            );
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{context}");
            let problem = &operation["responses"]["400"]["content"]["application/problem+json"];
            assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{context}");
            operations += 1;
        }
    }
    assert!(operations >= 19, "{operations}");
}
