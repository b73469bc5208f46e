//! What a running app says about itself, at its metadata endpoint (port 8090) or in a file with its evidence.
//!
//! Nothing in it is signed: it is worth as much as the word of whoever answers. All that can be proved with it is that
//! a compose file has some hash; whether the app runs that file, only a verified quote tells.

use crate::json::Json;

/// The largest answer that is read, in bytes. An `app-compose.json` of [`MAX_BYTES`](crate::MAX_BYTES) is escaped twice
/// in it, which seldom doubles it.
pub const MAX_REPORT: usize = 2 << 20;
/// How many text areas of a page are looked at; dstack's page has one.
const MAX_AREAS: usize = 20;
/// What dstack's page says where `public_tcbinfo` is false.
const HIDDEN: &str = "TCB info is not public";

/// What an app says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelfReport {
    /// The very bytes of `app-compose.json`, as text.
    pub app_compose: String,
    /// The compose hash that it says it has, hex.
    pub compose_hash: Option<String>,
    /// The id that it says it has.
    pub app_id: Option<String>,
    /// Its name.
    pub app_name: Option<String>,
    /// The name of the OS image that it says it runs on.
    pub os_image: Option<String>,
}

/// Why an answer has no compose file in it. A sentence without a full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelfReportError {
    /// It is larger than [`MAX_REPORT`].
    #[error("the answer is larger than {MAX_REPORT} bytes")]
    TooLarge,
    /// The app hides it.
    #[error(
        "the app does not show its compose file (public_tcbinfo is false), so nobody can audit it from here"
    )]
    Hidden,
    /// It is neither dstack's page nor its information in JSON.
    #[error(
        "this is neither the page of a dstack app nor its /prpc/Info; the URL looks like https://<app id>-8090.<gateway>/"
    )]
    NotAReport,
}

impl SelfReport {
    /// Reads an answer: the page, `/prpc/Info`, or a file with `app_compose` or `tcb_info` in it.
    ///
    /// # Errors
    /// See [`SelfReportError`].
    pub fn read(body: &[u8]) -> Result<Self, SelfReportError> {
        if body.len() > MAX_REPORT {
            return Err(SelfReportError::TooLarge);
        }
        let text = std::str::from_utf8(body).map_err(|_| SelfReportError::NotAReport)?;
        if text.trim_start().starts_with('{') {
            let json = Json::parse(text).map_err(|_| SelfReportError::NotAReport)?;
            return Self::of_json(&json);
        }
        let found = areas(text).take(MAX_AREAS).find_map(|area| {
            let json = Json::parse(&unescape(area)).ok()?;
            Self::of_json(&json).ok()
        });
        let hidden = text.contains(HIDDEN);
        found.ok_or(if hidden { SelfReportError::Hidden } else { SelfReportError::NotAReport })
    }

    fn of_json(json: &Json) -> Result<Self, SelfReportError> {
        let text = |json: &Json, key: &str| {
            json.get(key).and_then(Json::as_str).filter(|it| !it.is_empty()).map(str::to_owned)
        };
        // A string of JSON in /prpc/Info, an object elsewhere.
        let inner = |key: &str| match json.get(key) {
            Some(Json::String(text)) => Json::parse(text).ok(),
            other => other.cloned(),
        };
        let tcb_info = inner("tcb_info");
        let here = [Some(json), tcb_info.as_ref()];
        let first = |key: &str| here.into_iter().flatten().find_map(|json| text(json, key));
        let Some(app_compose) = first("app_compose") else {
            let empty = matches!(json.get("tcb_info"), Some(Json::String(text)) if text.is_empty());
            return Err(if empty { SelfReportError::Hidden } else { SelfReportError::NotAReport });
        };
        let log = inner("event_log").or_else(|| tcb_info.as_ref()?.get("event_log").cloned());
        let image = inner("vm_config").and_then(|it| text(&it, "image"));
        Ok(Self {
            app_compose,
            compose_hash: first("compose_hash").or_else(|| log.as_ref().and_then(in_log)),
            app_id: first("app_id"),
            app_name: first("app_name"),
            os_image: image,
        })
    }
}

/// The compose hash in an event log, which is the app's word as well as long as nobody replays it.
fn in_log(log: &Json) -> Option<String> {
    let Json::Array(events) = log else { return None };
    let named = |event: &&Json| event.get("event").and_then(Json::as_str) == Some("compose-hash");
    events.iter().find(named)?.get("event_payload")?.as_str().map(str::to_owned)
}

/// What stands in the text areas of a page.
fn areas(page: &str) -> impl Iterator<Item = &str> {
    page.split("<textarea").skip(1).filter_map(|rest| {
        let (_, content) = rest.split_once('>')?;
        Some(content.split_once("</textarea").map_or(content, |(content, _)| content))
    })
}

/// Undoes the escapes of HTML: numbers, and the five names that escapers write. Anything else stays as it is.
fn unescape(html: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(html.len()), html);
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        // The longest that is understood: &#x10ffff;
        let end = from.bytes().take(10).position(|byte| byte == b';');
        let known = end.and_then(|end| Some((entity(from.get(1..end)?)?, end + 1)));
        let (c, length) = known.unwrap_or(('&', 1));
        text.push(c);
        rest = from.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COMPOSE: &str = "{\"name\": \"a & <b>\",\n\"pre_launch_script\": \"x && 'y'\"}";

    fn page(escape: impl Fn(char) -> Option<String>) -> String {
        let info = json!({"app_compose": COMPOSE, "compose_hash": "00"});
        let info = serde_json::to_string_pretty(&info).unwrap();
        let escaped: String =
            info.chars().map(|c| escape(c).unwrap_or_else(|| c.to_string())).collect();
        format!(
            "<html><textarea>other</textarea><p>x</p><textarea readonly>{escaped}</textarea></html>"
        )
    }

    #[test]
    fn every_form_gives_the_very_bytes() {
        let special = ['<', '>', '&', '"', '\''];
        let decimal = page(|c| special.contains(&c).then(|| format!("&#{};", c as u32)));
        let hexadecimal = page(|c| special.contains(&c).then(|| format!("&#x{:x};", c as u32)));
        let names = page(|c| match c {
            '<' => Some("&lt;".into()),
            '>' => Some("&gt;".into()),
            '&' => Some("&amp;".into()),
            '"' => Some("&quot;".into()),
            _ => None,
        });
        let tcb_info = json!({"app_compose": COMPOSE, "compose_hash": "00"});
        let info = json!({"app_id": "aa", "tcb_info": tcb_info.to_string(), "vm_config": "{\"image\":\"dstack-dev-0.5\"}"});
        let file = json!({"quote": "", "app_compose": COMPOSE, "main": {}});
        for body in
            [decimal, hexadecimal, names, info.to_string(), file.to_string(), tcb_info.to_string()]
        {
            assert_eq!(SelfReport::read(body.as_bytes()).unwrap().app_compose, COMPOSE, "{body}");
        }
        let read = SelfReport::read(info.to_string().as_bytes()).unwrap();
        assert_eq!(read.app_id.as_deref(), Some("aa"));
        assert_eq!(read.compose_hash.as_deref(), Some("00"));
        assert_eq!(read.os_image.as_deref(), Some("dstack-dev-0.5"));
        let log = json!([{"event": "app-id", "event_payload": "11"}, {"event": "compose-hash", "event_payload": "22"}]);
        let evidence = json!({"app_compose": COMPOSE, "event_log": log.to_string()});
        let read = SelfReport::read(evidence.to_string().as_bytes()).unwrap();
        assert_eq!(read.compose_hash.as_deref(), Some("22"));
    }

    #[test]
    fn what_is_hidden_is_told_apart_from_what_is_something_else() {
        let read = |body: &str| SelfReport::read(body.as_bytes()).unwrap_err();
        assert_eq!(read("<p>TCB info is not public</p>"), SelfReportError::Hidden);
        assert_eq!(read("{\"app_id\":\"aa\",\"tcb_info\":\"\"}"), SelfReportError::Hidden);
        assert_eq!(read("<html>404</html>"), SelfReportError::NotAReport);
        assert_eq!(read("{}"), SelfReportError::NotAReport);
        assert_eq!(read("<textarea>{\"app_compose\""), SelfReportError::NotAReport);
        assert_eq!(SelfReport::read(&vec![b' '; MAX_REPORT + 1]), Err(SelfReportError::TooLarge));
    }

    #[test]
    fn escapes_that_are_none_stay() {
        assert_eq!(unescape("a&b;&#xd800;&#99999999999;&&lt;&"), "a&b;&#xd800;&#99999999999;&<&");
    }
}
