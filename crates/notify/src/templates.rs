//! What is sent, for each kind of channel. Whatever of an alert may come from a chain is text everywhere, and never markup.

use crate::channel::Channel;
use devproof_api::alerts::Alert;
use lettre::{
    Message,
    message::{Mailbox, header::ContentType},
};
use serde_json::json;
use std::time::SystemTime;

/// Characters of one of an alert's texts that are sent. Ours are far shorter; a name or a reason may come from outside.
const LONGEST: usize = 1_000;

/// The most characters that Discord takes (its documentation of webhooks), less some for the link.
const DISCORD: usize = 1_700;

/// Whether a character is text, and does nothing to what stands around it.
pub(crate) fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if is_plain(c) { c } else { '\u{fffd}' }).take(LONGEST).collect()
}

/// The texts of an alert, each in one line: title, text, advice.
fn lines(alert: &Alert) -> [String; 3] {
    [&alert.title, &alert.text, &alert.advice].map(|text| plain(text))
}

/// The page about an alert, if the service has a name in the world.
fn link(alert: &Alert, root: Option<&str>) -> Option<String> {
    root.map(|root| format!("{}{}", root.trim_end_matches('/'), alert.path))
}

/// The body of a letter, byte for byte as it is to be sent; `None` if there cannot be one, which only mail knows. `id` is that
/// of the letter, `root` the public address of the pages.
pub(crate) fn body(
    channel: &Channel,
    id: &str,
    alert: &Alert,
    root: Option<&str>,
) -> Option<Vec<u8>> {
    let link = link(alert, root);
    let value = match channel {
        Channel::Webhook { .. } => webhook(alert, link.as_deref()),
        Channel::Slack { .. } => slack(alert, link.as_deref()),
        Channel::Discord { .. } => discord(alert, link.as_deref()),
        Channel::Telegram { chat, .. } => telegram(chat, alert, link.as_deref()),
        Channel::Matrix { .. } => matrix(alert, link.as_deref()),
        Channel::Mail { from, to, .. } => return mail((from, to), id, alert, link.as_deref()),
    };
    serde_json::to_vec(&value).ok()
}

/// As the Standard Webhooks specification recommends: type, timestamp, data.
fn webhook(alert: &Alert, link: Option<&str>) -> serde_json::Value {
    let [title, text, advice] = [&alert.title, &alert.text, &alert.advice]
        .map(|text| text.chars().take(LONGEST).collect::<String>());
    let alert = Alert { title, text, advice, ..alert.clone() };
    let mut data = json!(alert);
    if let (Some(link), Some(data)) = (link, data.as_object_mut()) {
        data.insert("url".to_owned(), json!(link));
    }
    json!({ "type": format!("alert.{}", alert.kind), "timestamp": alert.at, "data": data })
}

fn slack(alert: &Alert, link: Option<&str>) -> serde_json::Value {
    let escaped =
        |text: &String| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut text = lines(alert).each_ref().map(escaped).join("\n");
    if let Some(link) = link {
        text.push_str(&format!("\n{}", escaped(&link.to_owned())));
    }
    // Without markup, mentions and links need angle brackets.
    json!({ "text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false })
}

fn discord(alert: &Alert, link: Option<&str>) -> serde_json::Value {
    // A backslash before anything but letters, digits and spaces makes it a character.
    let escaped = |text: &String| {
        let mut out = String::new();
        for c in text.chars() {
            if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | ';' | '\'' | '"' | '?' | '!') {
                out.push('\\');
            }
            out.push(c);
        }
        out
    };
    let [title, text, advice] = lines(alert).each_ref().map(escaped);
    let mut content: String =
        format!("**{title}**\n{text}\n{advice}").chars().take(DISCORD).collect();
    if let Some(link) = link.filter(|link| link.len() < 200) {
        content.push_str(&format!("\n<{link}>"));
    }
    json!({ "content": content, "allowed_mentions": { "parse": [] }, "flags": 4 })
}

fn telegram(chat: &str, alert: &Alert, link: Option<&str>) -> serde_json::Value {
    let mut text = lines(alert).join("\n");
    if let Some(link) = link {
        text.push_str(&format!("\n{link}"));
    }
    // Without a parse_mode nothing in it is markup.
    json!({ "chat_id": chat, "text": text, "link_preview_options": { "is_disabled": true } })
}

fn matrix(alert: &Alert, link: Option<&str>) -> serde_json::Value {
    let escaped = |text: &String| {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                c => out.push(c),
            }
        }
        out
    };
    let all = lines(alert);
    let [title, text, advice] = all.each_ref().map(escaped);
    let mut body = all.join("\n");
    let mut formatted = format!("<strong>{title}</strong><br>{text}<br>{advice}");
    if let Some(link) = link {
        body.push_str(&format!("\n{link}"));
        let link = escaped(&link.to_owned());
        formatted.push_str(&format!("<br><a href=\"{link}\">{link}</a>"));
    }
    json!({
        // What a program says, so that no other program answers it.
        "msgtype": "m.notice",
        "body": body,
        "format": "org.matrix.custom.html",
        "formatted_body": formatted,
        "m.mentions": {},
    })
}

fn mail((from, to): (&str, &str), id: &str, alert: &Alert, link: Option<&str>) -> Option<Vec<u8>> {
    let (from, to): (Mailbox, Mailbox) = (from.parse().ok()?, to.parse().ok()?);
    let [title, text, advice] = lines(alert);
    let link = link.map(|link| format!("{link}\r\n\r\n")).unwrap_or_default();
    let text = format!(
        "{title}\r\n\r\n{text}\r\n\r\n{advice}\r\n\r\n{link}-- \r\ndevproof, chain {}, {}\r\n",
        alert.chain_id, alert.kind
    );
    let message_id = format!("<{id}@{}>", from.email.domain());
    Message::builder()
        .from(from)
        .to(to)
        .subject(title)
        .date(SystemTime::now())
        // The same at every attempt, so that a mailbox shows it once.
        .message_id(Some(message_id))
        .header(ContentType::TEXT_PLAIN)
        .body(text)
        .ok()
        .map(|message| message.formatted())
}

#[cfg(test)]
mod tests {
    use super::*;
    use devproof_api::alerts;
    use jiff::Timestamp;
    use serde_json::Value;

    /// What somebody may try who can put any text into an alert.
    const ATTACK: &str = "<!channel> <@U1> [x](https://evil.example) **b** @everyone <script>&\"' `c`\r\nBcc: x@evil.example\u{202e}";

    fn alert() -> Alert {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let reason = format!("{ATTACK}{}", "y".repeat(5_000));
        alerts::of_silence(8453, ATTACK, Default::default(), &reason, now)
    }

    fn told(channel: &Channel) -> Value {
        let root = Some("https://devproof.example.org/");
        serde_json::from_slice(&body(channel, "msg_1", &alert(), root).unwrap()).unwrap()
    }

    fn url() -> String {
        "https://h.example/".to_owned()
    }

    #[test]
    fn json_is_the_alert_with_its_page() {
        let told = told(&Channel::Webhook { url: url(), secret: String::new() });
        assert_eq!(told["type"], "alert.not_told");
        assert_eq!(told["timestamp"], "2026-03-01T12:00:00Z");
        assert_eq!(told["data"]["kind"], "not_told");
        assert_eq!(told["data"]["chainId"], 8453);
        assert!(told["data"]["title"].as_str().unwrap().starts_with(ATTACK));
        let page = told["data"]["url"].as_str().unwrap();
        assert!(page.starts_with("https://devproof.example.org/chains/8453/apps/0x"), "{page}");
        assert!(told.to_string().len() < 8_000);
    }

    #[test]
    fn slack_sees_no_angle_bracket() {
        let told = told(&Channel::Slack { url: url() });
        let text = told["text"].as_str().unwrap();
        assert!(text.starts_with("&lt;!channel&gt; &lt;@U1&gt; [x]"), "{text}");
        assert!(!text.contains(['<', '>']) && text.contains("&lt;script&gt;&amp;"), "{text}");
        assert_eq!(told["mrkdwn"], false);
        assert_eq!(text.lines().count(), 4, "{text}");
    }

    #[test]
    fn discord_sees_no_markup_and_no_mention() {
        let told = told(&Channel::Discord { url: url() });
        let text = told["content"].as_str().unwrap();
        assert!(
            text.starts_with("**\\<!channel\\> \\<\\@U1\\> \\[x\\]\\(https\\:\\/\\/evil"),
            "{text}"
        );
        assert!(text.contains("\\*\\*b\\*\\* \\@everyone"), "{text}");
        assert_eq!(told["allowed_mentions"], serde_json::json!({ "parse": [] }));
        assert!(text.chars().count() <= 2_000 && text.ends_with('>'), "{text}");
    }

    #[test]
    fn telegram_gets_text_without_a_mode() {
        let channel =
            Channel::Telegram { server: url(), token: "1:a".to_owned(), chat: "-5".to_owned() };
        let told = told(&channel);
        assert_eq!((&told["chat_id"], told.get("parse_mode")), (&"-5".into(), None));
        let text = told["text"].as_str().unwrap();
        assert!(text.starts_with("<!channel> <@U1> [x](https"), "{text}");
        assert!(text.len() < 4_096 && !text.contains(['\r', '\u{202e}']));
        assert!(!told.to_string().contains("1:a"), "the token is in the address alone");
    }

    #[test]
    fn matrix_gets_nothing_but_our_own_tags() {
        let channel =
            Channel::Matrix { server: url(), token: "t".to_owned(), room: "!r:h".to_owned() };
        let told = told(&channel);
        let html = told["formatted_body"].as_str().unwrap();
        let bare = html
            .replace("<strong>", "")
            .replace("</strong>", "")
            .replace("<br>", "")
            .replace("</a>", "");
        assert_eq!(bare.matches('<').count(), 1, "{html}");
        assert!(html.contains("&lt;script&gt;&amp;&quot;&#39;"), "{html}");
        assert_eq!(told["m.mentions"], serde_json::json!({}));
        assert_eq!(told["msgtype"], "m.notice");
    }

    #[test]
    fn no_text_becomes_a_header_of_mail() {
        let channel = Channel::Mail {
            server: "smtp://127.0.0.1".to_owned(),
            from: "Devproof <d@example.org>".to_owned(),
            to: "a@example.org".to_owned(),
        };
        let message = body(&channel, "msg_1", &alert(), None).unwrap();
        let message = String::from_utf8(message).unwrap();
        let (head, text) = message.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with(' '))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Content-Type",
                "Content-Transfer-Encoding"
            ],
        );
        assert!(head.contains("Message-ID: <msg_1@example.org>"), "{head}");
        assert!(!text.contains("\r\nBcc:"), "{text}");
        assert!(message.is_ascii() && message.lines().all(|line| line.len() < 998));
    }
}
