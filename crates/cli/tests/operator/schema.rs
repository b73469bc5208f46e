//! Whether a document has the form that docs/openapi.json says.

use serde_json::Value;

/// Panics where a document has a field that its schema has not, or lacks one that it has to have, however deep.
#[track_caller]
pub(crate) fn fits(document: &Value, schema: &str) {
    let openapi = serde_json::to_value(devproof_api::openapi()).unwrap();
    let root = &openapi["components"]["schemas"][schema];
    assert!(root.is_object(), "there is no schema {schema}");
    let mut seen = 0;
    look(document, root, &openapi, schema, &mut seen);
    assert!(seen > 0, "nothing of {schema} was looked at");
}

#[track_caller]
fn look(value: &Value, schema: &Value, openapi: &Value, place: &str, seen: &mut usize) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return look(value, &openapi["components"]["schemas"][name], openapi, place, seen);
    }
    for of in ["oneOf", "anyOf"] {
        let Some(several) = schema[of].as_array() else { continue };
        // Only a null beside one form says which of them is meant.
        let forms: Vec<_> = several.iter().filter(|it| it["type"] != "null").collect();
        if let ([one], false) = (forms.as_slice(), value.is_null()) {
            look(value, one, openapi, place, seen);
        }
        return;
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (n, value) in values.iter().enumerate() {
            look(value, items, openapi, &format!("{place}[{n}]"), seen);
        }
    }
    let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object())
    else {
        return;
    };
    *seen += 1;
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(fields.contains_key(name.as_str().unwrap()), "{place} lacks {name}: {value:#}");
    }
    for (name, value) in fields {
        let Some(schema) = properties.get(name) else {
            panic!("no schema has {name}, which is in {place}: {value:#}")
        };
        look(value, schema, openapi, &format!("{place}.{name}"), seen);
    }
}
