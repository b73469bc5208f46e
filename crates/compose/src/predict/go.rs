//! What the Go SDK keeps of an object: it goes through a struct, so that only the fields of that struct are left.

use crate::json::Json;

/// How a field of the struct reads and is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `string,omitempty`.
    Text,
    /// `*bool,omitempty`.
    Switch,
    /// `bool`.
    Plain,
    /// `[]string,omitempty`.
    List,
    /// `*[]string,omitempty`: an empty list stays.
    Pointer,
    /// `interface{},omitempty`.
    Any,
    /// A pointer to a struct.
    Struct(&'static [(&'static str, Self)]),
}

const DOCKER_CONFIG: &[(&str, Kind)] =
    &[("registry", Kind::Text), ("username", Kind::Text), ("token_key", Kind::Text)];
const HEALTH_CHECK: &[(&str, Kind)] = &[("enabled", Kind::Plain), ("health_file", Kind::Text)];
const REQUIREMENTS: &[(&str, Kind)] = &[
    ("os_version", Kind::Text),
    ("platforms", Kind::Pointer),
    ("tdx_measure_acpi_tables", Kind::Switch),
    ("launch_token_hash", Kind::Text),
    ("health_check", Kind::Struct(HEALTH_CHECK)),
];
const APP_COMPOSE: &[(&str, Kind)] = &[
    ("manifest_version", Kind::Any),
    ("name", Kind::Text),
    ("features", Kind::List),
    ("snapshotter", Kind::Text),
    ("docker_compose_file", Kind::Text),
    ("docker_config", Kind::Struct(DOCKER_CONFIG)),
    ("public_logs", Kind::Switch),
    ("public_sysinfo", Kind::Switch),
    ("public_tcbinfo", Kind::Switch),
    ("kms_enabled", Kind::Switch),
    ("gateway_enabled", Kind::Switch),
    ("tproxy_enabled", Kind::Switch),
    ("local_key_provider_enabled", Kind::Switch),
    ("key_provider", Kind::Text),
    ("key_provider_id", Kind::Text),
    ("allowed_envs", Kind::List),
    ("no_instance_id", Kind::Switch),
    ("secure_time", Kind::Switch),
    ("requirements", Kind::Struct(REQUIREMENTS)),
    ("bash_script", Kind::Text),
    ("pre_launch_script", Kind::Text),
];

/// The names of an `app-compose.json` that the SDK does not know, and drops without a word.
pub(super) fn lost(object: &Json) -> Vec<String> {
    let Json::Object(members) = object else { return Vec::new() };
    let known = |key: &str| key == "runner" || APP_COMPOSE.iter().any(|(name, _)| *name == key);
    members.iter().filter(|(key, _)| !known(key)).map(|(key, _)| key.clone()).collect()
}

/// What the SDK keeps.
///
/// # Errors
/// Where it refuses, as a sentence.
pub(super) fn known(object: &Json) -> Result<Json, String> {
    let Json::Object(mut members) = fields(object, APP_COMPOSE)? else {
        return Err("It is no object.".to_owned());
    };
    let runner = match object.get("runner") {
        Some(Json::String(text)) => text.clone(),
        None | Some(Json::Null) => String::new(),
        Some(_) => return Err(refused("runner")),
    };
    members.push(("runner".to_owned(), Json::String(runner)));
    Ok(Json::Object(members))
}

fn fields(object: &Json, fields: &[(&str, Kind)]) -> Result<Json, String> {
    let Json::Object(members) = object else { return Err("It is no object.".to_owned()) };
    let near =
        |key: &str| fields.iter().any(|(name, _)| *name != key && name.eq_ignore_ascii_case(key));
    if let Some((key, _)) = members.iter().find(|(key, _)| near(key)) {
        let key = crate::words::clip(key);
        return Err(format!("The Go SDK reads {key} without regard to capitals."));
    }
    let mut kept = Vec::new();
    for (name, kind) in fields {
        if let Some(value) = field(object.get(name), name, *kind)? {
            kept.push(((*name).to_owned(), value));
        }
    }
    Ok(Json::Object(kept))
}

fn field(value: Option<&Json>, name: &str, kind: Kind) -> Result<Option<Json>, String> {
    let text = |item: &Json| matches!(item, Json::String(_));
    Ok(match (kind, value) {
        (Kind::Plain, None | Some(Json::Null)) => Some(Json::Bool(false)),
        (_, None | Some(Json::Null)) => None,
        (Kind::Text, Some(Json::String(text))) if text.is_empty() => None,
        (Kind::List, Some(Json::Array(items))) if items.is_empty() => None,
        (Kind::List | Kind::Pointer, Some(Json::Array(items))) if !items.iter().all(text) => {
            return Err(refused(name));
        }
        (Kind::Any, Some(value))
        | (Kind::Text, Some(value @ Json::String(_)))
        | (Kind::Switch | Kind::Plain, Some(value @ Json::Bool(_)))
        | (Kind::List | Kind::Pointer, Some(value @ Json::Array(_))) => Some(value.clone()),
        (Kind::Struct(inner), Some(value @ Json::Object(_))) => Some(fields(value, inner)?),
        _ => return Err(refused(name)),
    })
}

fn refused(name: &str) -> String {
    format!("The Go SDK refuses the kind of value that {name} has.")
}
