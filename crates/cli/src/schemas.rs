//! What `--json` prints, as JSON Schema (2020-12), written by the types that are printed.
//!
//! What REST gives as well has its schema in the OpenAPI document, whose schemas are JSON Schema of the same version; they are taken from
//! there, under names that begin with `rest.`.

use crate::cmd;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A document that a verb prints.
#[derive(Clone, Copy)]
pub(crate) enum Printed {
    /// One of a type of ours.
    Own(fn(&mut SchemaGenerator) -> Schema),
    /// What REST gives: the name of its schema.
    Rest(&'static str),
    /// Something that others define, and who does.
    Foreign(&'static str),
}

/// The words of a verb, and each document that it may print: one, or one a line where it goes on.
pub(crate) type Row = (&'static str, &'static [Printed]);

/// A type of ours.
pub(crate) const fn own<T: JsonSchema>() -> Printed {
    Printed::Own(SchemaGenerator::subschema_for::<T>)
}

/// Verbs that print what others read: scripts for shells, and lines of no document.
const NO_DOCUMENT: [&str; 1] = ["completions"];

/// What those print that only ask the index.
const OF_THE_INDEX: &[Row] = &[
    ("at", &[Printed::Rest("AtBlock"), Printed::Rest("AsOf")]),
    ("history", &[Printed::Rest("History")]),
    ("allowed", &[Printed::Rest("AllowedApps")]),
    ("diff", &[Printed::Rest("Diff")]),
    ("family", &[Printed::Rest("Family")]),
    ("deletions", &[Printed::Rest("Deletions")]),
    ("observed", &[Printed::Rest("Observations")]),
    ("stage", &[Printed::Rest("Stage")]),
    ("notices", &[Printed::Rest("Notices")]),
    ("watch", &[own::<devproof_api::alerts::Alert>()]),
    ("openapi", &[Printed::Foreign("https://spec.openapis.org/oas/3.1/schema/2022-10-07")]),
    ("schema", &[Printed::Foreign("https://json-schema.org/draft/2020-12/schema")]),
];

fn rows() -> impl Iterator<Item = Row> {
    [
        OF_THE_INDEX,
        cmd::PRINTED,
        cmd::compose::PRINTED,
        cmd::notify::PRINTED,
        cmd::operator::PRINTED,
        cmd::release::PRINTED,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Whether a verb prints no document.
#[must_use]
pub fn has_no_document(verb: &str) -> bool {
    NO_DOCUMENT.contains(&verb)
}

/// The schema of what each verb prints, under `$defs` and its words; with `verb` that of one, which is the document itself then.
/// `None` if there is no such verb.
#[must_use]
pub fn schema(verb: Option<&str>) -> Option<Value> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings.into_generator();
    let (mut verbs, mut rest) = (Map::new(), BTreeSet::new());
    for (words, printed) in rows().filter(|(words, _)| verb.is_none_or(|verb| verb == *words)) {
        let mut documents = Vec::with_capacity(printed.len());
        for it in printed {
            documents.push(match it {
                Printed::Own(of) => of(&mut generator).to_value(),
                Printed::Rest(name) => {
                    rest.insert((*name).to_owned());
                    json!({ "$ref": format!("#/$defs/rest.{name}") })
                }
                Printed::Foreign(url) => json!({ "$ref": url }),
            });
        }
        let document = match documents.len() {
            1 => documents.swap_remove(0),
            _ => json!({ "anyOf": documents }),
        };
        verbs.insert(words.to_owned(), document);
    }
    let mut definitions = generator.take_definitions(true);
    // alloy gives all lengths of bytes one name, and allows what is never printed.
    for (name, digits, what) in
        [("FixedBytes", "[0-9a-f]{64}", "32 bytes"), ("Address", "[0-9a-fA-F]{40}", "An address")]
    {
        if let Some(known) = definitions.get_mut(name) {
            let description = format!("{what} in hexadecimal.");
            *known = json!({ "description": description, "type": "string", "pattern": format!("^0x{digits}$") });
        }
    }
    definitions.extend(of_rest(rest));
    let mut schema = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" });
    let all = schema.as_object_mut()?;
    match verb {
        Some(verb) => {
            all.insert("title".to_owned(), json!(format!("devproof {verb} --json")));
            all.extend(verbs.remove(verb)?.as_object()?.clone());
        }
        None => {
            all.insert("title".to_owned(), json!("devproof --json"));
            let named = |(words, document)| (format!("devproof {words}"), document);
            definitions.extend(verbs.into_iter().map(named));
        }
    }
    all.insert("$defs".to_owned(), Value::Object(definitions));
    Some(schema)
}

/// Schemas of the OpenAPI document and all that they need.
fn of_rest(names: BTreeSet<String>) -> Map<String, Value> {
    let document = serde_json::to_value(devproof_api::openapi()).unwrap_or_default();
    let (mut found, mut open) = (Map::new(), Vec::from_iter(names));
    while let Some(name) = open.pop() {
        let key = format!("rest.{name}");
        let schema = document.pointer(&format!("/components/schemas/{name}"));
        if let (false, Some(schema)) = (found.contains_key(&key), schema) {
            let mut schema = schema.clone();
            turn(&mut schema, &mut open);
            found.insert(key, schema);
        }
    }
    found.sort_keys();
    found
}

/// Turns every reference to where it leads here, and tells which there are.
fn turn(schema: &mut Value, open: &mut Vec<String>) {
    match schema {
        Value::Object(all) => {
            for (key, value) in all.iter_mut() {
                let name = value.as_str().and_then(|it| it.strip_prefix("#/components/schemas/"));
                match name.map(str::to_owned) {
                    Some(name) if key == "$ref" => {
                        *value = json!(format!("#/$defs/rest.{name}"));
                        open.push(name);
                    }
                    _ => turn(value, open),
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|it| turn(it, open)),
        _ => {}
    }
}
