//! What the binary prints with `--json`, held against what `devproof schema` says of it.

use clap::{ArgMatches, CommandFactory};
use devproof_cli::opts::Opts;
use jsonschema::Validator;
use serde_json::Value;
use std::{
    collections::HashMap,
    ffi::OsStr,
    sync::{Arc, LazyLock, Mutex},
};

/// One for each verb that was asked.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Option<Arc<Validator>>>>> =
    LazyLock::new(Mutex::default);

/// The words of the verb in these arguments; `None` if they make no sense.
pub(crate) fn verb<'a>(args: impl IntoIterator<Item = &'a OsStr>) -> Option<String> {
    let name = [OsStr::new("devproof")];
    let matches = Opts::command().try_get_matches_from(name.into_iter().chain(args)).ok()?;
    fn words(matches: &ArgMatches) -> Vec<String> {
        match matches.subcommand() {
            Some((name, below)) => [vec![name.to_owned()], words(below)].concat(),
            None => Vec::new(),
        }
    }
    Some(words(&matches).join(" "))
}

/// A field that is printed and not described is none that anybody can rely on.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(all) => {
            if all.contains_key("properties") && !all.contains_key("additionalProperties") {
                all.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            all.values_mut().for_each(strict);
        }
        Value::Array(all) => all.iter_mut().for_each(strict),
        _ => {}
    }
}

fn validator(verb: &str) -> Option<Arc<Validator>> {
    let mut known = VALIDATORS.lock().unwrap();
    let make = || {
        let mut schema = devproof_cli::schema(Some(verb))?;
        // What others define is nowhere to be had here.
        if schema["$ref"].as_str().is_some_and(|url| url.starts_with("https://")) {
            return None;
        }
        strict(&mut schema);
        let made = jsonschema::validator_for(&schema);
        Some(Arc::new(made.unwrap_or_else(|error| panic!("the schema of {verb}: {error}"))))
    };
    known.entry(verb.to_owned()).or_insert_with(make).clone()
}

/// Fails if a verb was asked for a document and printed another than it says it prints. Counts them.
#[track_caller]
pub(crate) fn hold<'a>(args: impl IntoIterator<Item = &'a OsStr>, out: &str) -> usize {
    let args: Vec<&OsStr> = args.into_iter().collect();
    if !args.iter().any(|it| *it == "--json") || args.iter().any(|it| *it == "--format") {
        return 0;
    }
    let Some(verb) = verb(args) else { return 0 };
    let Some(validator) = validator(&verb) else { return 0 };
    let mut count = 0;
    for document in serde_json::Deserializer::from_str(out).into_iter::<Value>() {
        let document =
            document.unwrap_or_else(|error| panic!("{verb} prints no JSON: {error}\n{out}"));
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{verb} prints what its schema does not say: {errors:#?}\n{document:#}"
        );
        count += 1;
    }
    count
}
