//! The file, the environment, and where each setting comes from.

use super::{
    lines::{Lines, Setting},
    without_file,
};
use crate::{
    Failure,
    config::{self, Settings},
    opts::{Global, Opts},
    origins::{Origins, SECRETS, variables},
    text::plain,
};
use clap::CommandFactory;
use std::{collections::BTreeSet, env, io};

/// The longest value that is shown, in characters.
const MOST: usize = 120;

/// Looks at the configuration, and gives the settings that hold: without the file, where that makes no sense.
pub(super) fn look(global: &Global, lines: &mut Lines) -> Settings {
    let path = config::path(global);
    let name = path.display().to_string();
    let text = config::text(&path);
    let settings = match &text {
        Err(error) if error.kind() == io::ErrorKind::NotFound && global.config.is_none() => {
            lines.note(
                "config.file",
                None,
                &format!("there is no {name} here, and it need not be"),
                "put what every run is to know into one, under the long names of the flags",
            );
            config::load(global.clone())
        }
        Err(error) => {
            let message = format!("{name} cannot be read ({error})");
            lines.fail("config.file", None, &message, "name another file with --config");
            Ok(without_file(global))
        }
        Ok(text) => {
            lines.pass("config.file", None, &format!("{name} is there and was read"));
            for (key, line) in config::unknown_keys(text) {
                let message = format!("{name}, line {line}: nothing has the name {key:?}");
                let advice = "correct the name or take the line out: until then nothing but this command runs";
                lines.fail("config.keys", None, &message, advice);
            }
            config::load(global.clone())
        }
    };
    for name in unknown_variables() {
        let message = format!("the environment has {name}, which devproof does not know");
        let advice =
            "correct the name: a misspelt variable is not seen, and the setting does not hold";
        lines.fail("config.environment", None, &message, advice);
    }
    match settings {
        Ok(settings) => settings,
        Err(Failure::Usage(why) | Failure::CouldNotTell(why)) => {
            let advice = "correct it; what follows is without the file";
            lines.fail("config.values", None, &why, advice);
            without_file(global)
        }
        Err(Failure::Interrupted | Failure::BrokenPipe) => without_file(global),
    }
}

/// Variables that look like ours and are not. Their values may be secrets.
fn unknown_variables() -> BTreeSet<String> {
    let known: BTreeSet<String> = variables(&Opts::command()).into_values().collect();
    let names = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    names
        .filter(|name| name.starts_with("DEVPROOF_"))
        .filter(|name| !known.contains(name) && !SECRETS.contains(&name.as_str()))
        .collect()
}

/// Everything that somebody set.
pub(super) fn settings(global: &Global, origins: &Origins) -> Vec<Setting> {
    let file = config::text(&config::path(global)).ok();
    let file: toml::Table = file.and_then(|text| text.parse().ok()).unwrap_or_default();
    let variables = variables(&Opts::command());
    let mut names: BTreeSet<String> = variables.keys().cloned().collect();
    names.extend(file.keys().cloned());
    let mut found: Vec<Setting> = names
        .into_iter()
        .filter_map(|name| {
            let variable = variables.get(&name).and_then(env::var_os);
            let (value, from) = if let Some(flag) = origins.flag(&name) {
                (flag.to_owned(), "flag")
            } else if let Some(value) = variable.filter(|value| !value.is_empty()) {
                (value.to_string_lossy().into_owned(), "environment")
            } else {
                (in_file(file.get(&name)?), "file")
            };
            Some(Setting { value: shown(&value), name: plain(&name), from })
        })
        .collect();
    found.extend(SECRETS.iter().filter(|name| env::var_os(name).is_some()).map(|name| Setting {
        name: (*name).to_owned(),
        value: "(not shown)".to_owned(),
        from: "environment",
    }));
    found
}

fn in_file(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(many) if many.iter().any(toml::Value::is_table) => {
            format!("({} of them)", many.len())
        }
        toml::Value::Array(many) => many.iter().map(in_file).collect::<Vec<_>>().join(","),
        toml::Value::Table(_) => "(a table)".to_owned(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(yes) => yes.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Datetime(time) => time.to_string(),
    }
}

/// A value as it may be shown: of a URL only where it leads, since users, passwords and keys stand around that.
fn shown(value: &str) -> String {
    let one = |part: &str| match part.split_once("://") {
        None => part.to_owned(),
        Some((scheme, rest)) => {
            let host = rest.rsplit('@').next().unwrap_or_default();
            let host = host.split(['/', '?', '#']).next().unwrap_or_default();
            // What a password with a slash in it leaves is not shown either.
            let host = if rest.contains('@') || is_host(host) { host } else { "(not shown)" };
            format!("{scheme}://{host}")
        }
    };
    let value = value.split(',').map(one).collect::<Vec<_>>().join(",");
    let clipped: String = plain(&value).chars().take(MOST).collect();
    if clipped.len() < plain(&value).len() { format!("{clipped}...") } else { clipped }
}

/// A host, and a port that is a number.
fn is_host(text: &str) -> bool {
    let port = text.rsplit_once(':').filter(|_| !text.ends_with(']')).map(|(_, port)| port);
    port.is_none_or(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_only_where_it_leads_is_shown() {
        for (value, said) in [
            ("devproof.db", "devproof.db"),
            ("postgres://me:pa:ss@db.example:5432/devproof", "postgres://db.example:5432"),
            ("postgres://me:pa/ss@db.example/devproof", "postgres://db.example"),
            ("postgres://me:pa@ss@db.example/devproof", "postgres://db.example"),
            ("https://rpc.example/v3/0123key?token=1", "https://rpc.example"),
            ("https://a.example/key,wss://b.example:1/key", "https://a.example,wss://b.example:1"),
            ("http://me:secret", "http://(not shown)"),
            ("dstack-verifier=https://u:p@v.example/x", "dstack-verifier=https://v.example"),
            ("http://[::1]:8545/key", "http://[::1]:8545"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
        ] {
            assert_eq!(shown(value), said);
        }
    }
}
