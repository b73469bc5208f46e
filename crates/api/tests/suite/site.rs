//! The pages and feeds: what they say of each kind of app, that they are well-formed, and that nothing that came from a chain
//! or an address bar can act in them.

use crate::{
    lives,
    world::{APP, DAY, LOCAL, OWNER, PUBLIC, STOCK, STRANGER, World, block, hash},
};
use atom_syndication::Feed;
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, header},
};
use devproof_api::{AppState, Clock, Families, documents::Declared, router};
use devproof_primitives::{Action, ComposeHash, Setting};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use tower::ServiceExt;

/// A service that takes the newest block's time for now, unless it is later.
fn state(world: &World, now: Timestamp) -> AppState {
    let declared = Declared { name: "acme".to_owned(), chain_id: world.chain_id, apps: vec![APP] };
    let families = Families::new([declared]).unwrap();
    let state = AppState::new(world.store.clone(), None).with_families(families);
    state.with_clock(Clock::At(now))
}

async fn call(world: &World, path: &str) -> (u16, HeaderMap, String) {
    call_at(world, path, Timestamp::UNIX_EPOCH).await
}

async fn call_at(world: &World, path: &str, now: Timestamp) -> (u16, HeaderMap, String) {
    let request = Request::get(path)
        .header(header::ACCEPT, "text/html")
        .header(header::HOST, "devproof.example.org")
        .body(Body::empty())
        .unwrap();
    let reply = router(state(world, now)).oneshot(request).await.unwrap();
    let (parts, body) = reply.into_parts();
    let body = to_bytes(body, 1 << 22).await.unwrap().to_vec();
    (parts.status.as_u16(), parts.headers, String::from_utf8(body).unwrap())
}

/// What a page says, without its tags.
async fn read(world: &World, path: &str) -> String {
    let (status, _, body) = call(world, path).await;
    assert_eq!(status, 200, "{path}: {body}");
    text(&body)
}

fn text(html: &str) -> String {
    let (mut text, mut inside) = (String::new(), false);
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    [" .", " ,", " )", " ;", " :"].iter().fold(text, |text, it| text.replace(it, it.trim()))
}

fn page_of(app: alloy_primitives::Address) -> String {
    format!("/chains/{LOCAL}/apps/{app:#x}")
}

#[tokio::test]
async fn the_page_of_a_version_tells_who_announces_it() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.propose(22, hash(2), None);
    world.propose(23, hash(3), None);
    world.extend(24, Action::Cancelled, Setting::ComposeHash, hash(3), OWNER);
    world.propose(25, hash(4), None);
    world.commit(None, 30).await;
    let page = |version| format!("/chains/{LOCAL}/versions/{}", hash(version));
    let (_, _, body) = call(&world, &page(2)).await;
    let said = text(&body);
    assert!(said.contains("Where it is announced acme announced in 5 d"), "{said}");
    assert!(said.contains("may take over from 14 Mar 2026, 00:00 UTC."), "{said}");
    assert_eq!(said.matches("may take over").count(), 1, "and not what else it announces: {said}");
    assert!(said.contains("No app here was ever allowed to run it."), "{said}");
    assert!(body.contains(&format!("href=\"{}\"", page_of(APP))), "it leads to the app: {body}");
    for version in [3, 9] {
        let said = read(&world, &page(version)).await;
        assert!(!said.contains("Where it is announced"), "{said}");
        assert!(
            said.contains("No app here was ever allowed to run it, and none announces it now."),
            "{said}"
        );
    }
}

#[tokio::test]
async fn the_first_sentences_say_who_can_change_the_code_and_how_long_before() {
    let mut world = World::empty(LOCAL).await;
    let image = devproof_contracts::stock::DstackKms::OsImageHashAdded { osImageHash: hash(0xe1) };
    world.kms(5, &image);
    world.birth(10);
    world.stock_birth(12);
    world.commit(None, 20).await;
    let unchecked = read(&world, &page_of(APP)).await;
    assert!(
        unchecked.contains("has not been compared with the contract's own history"),
        "{unchecked}"
    );
    world.verified(20).await;
    let said = read(&world, &page_of(APP)).await;
    assert!(said.contains("The code of acme can change only after 7 days of public notice. No change is on its way."), "{said}");
    assert!(!said.contains("has not been compared"), "{said}");
    let rival = read(&world, &page_of(STOCK)).await;
    assert!(
        rival.contains("The owner of this app can change its code at any moment, without notice.")
    );
    assert!(!rival.contains("No change is on its way"), "a stock app announces nothing: {rival}");

    // Announced at 22, ripe 28 blocks later.
    world.propose(22, hash(2), None);
    world.commit(Some(world.block(20)), 30).await;
    world.verified(30).await;
    let said = read(&world, &page_of(APP)).await;
    assert!(said.contains("A new version was announced on 7 Mar 2026, 00:00 UTC. It can take over from 14 Mar 2026, 00:00 UTC (in 5 d)."), "{said}");
    assert!(said.contains("If you disagree, leave before."));
    // The notice ends by the clock, also where the newest block that counts is older.
    for (path, waits, may) in [
        (page_of(APP), "in 5 d", "may take over at any moment now"),
        ("/".to_owned(), "in 5 d", "at any moment"),
    ] {
        for (now, ended) in [("2026-03-13T23:59:59Z", false), ("2026-03-14T00:00:00Z", true)] {
            let (status, _, body) = call_at(&world, &path, now.parse().unwrap()).await;
            let said = text(&body);
            assert_eq!((status, said.contains(may)), (200, ended), "{path} at {now}: {said}");
            assert_eq!(said.contains("possible now"), ended, "{path} at {now}: {said}");
            assert!(!(ended && said.contains("leave before")), "{path} at {now}: {said}");
        }
        assert!(read(&world, &path).await.contains(waits), "{path}: not before the block's time");
    }
    // That it is dead, a block has to prove.
    let (_, _, body) =
        call_at(&world, &page_of(APP), "2026-05-01T00:00:00Z".parse().unwrap()).await;
    assert!(text(&body).contains("may take over at any moment now"), "{}", text(&body));
    world.commit(Some(world.block(30)), 55).await;
    world.verified(55).await;
    let said = read(&world, &page_of(APP)).await;
    assert!(said.contains("The announced version may take over at any moment now: the notice ended on 14 Mar 2026, 00:00 UTC. It must do so before 28 Mar 2026, 00:00 UTC or be announced again."), "{said}");
    // The same moment as it was seen then.
    let then = read(&world, &format!("{}?at=30", page_of(APP))).await;
    assert!(then.contains("What was allowed at this moment"), "{then}");
    assert!(then.contains("Announced then: version 0x02020202..02020202"), "{then}");

    // An owner who gives it up for good.
    world.extend(
        60,
        Action::Set,
        Setting::Freeze,
        alloy_primitives::B256::with_last_byte(1),
        OWNER,
    );
    world.commit(Some(world.block(55)), 61).await;
    world.verified(61).await;
    let said = read(&world, &page_of(APP)).await;
    assert!(said.contains("The code of acme can never be extended again"), "{said}");
    assert!(!said.contains("may take over"), "what was announced can never come: {said}");
    // Before it was born nothing is known.
    let before = read(&world, &format!("{}?at=5", page_of(APP))).await;
    assert!(before.contains("had not said anything yet"), "{before}");
}

/// Whatever stands on a chain or in an address bar is text.
#[tokio::test]
async fn nothing_from_outside_acts() {
    let evil = "https://x.example/\"><script>alert(1)</script><img src=x onerror=alert(2)>";
    let turned = "https://x.example/\u{202e}gpj.exe";
    let scheme = "javascript:alert(3)//https://x.example";
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.stock_birth(12);
    let compose =
        format!("{{\"name\": \"</code></pre><script>alert(4)</script>\", \"x\": \"{evil}\"}}");
    let version = ComposeHash::of(compose.as_bytes()).0;
    world.propose(20, version, Some((hash(9), evil)));
    world.propose(21, hash(3), Some((hash(9), turned)));
    world.propose(22, hash(4), Some((hash(9), scheme)));
    world.extend(50, Action::Set, Setting::ComposeHash, version, OWNER);
    let gateway = "<svg onload=alert(5)>".to_owned();
    world.kms(51, &devproof_contracts::stock::DstackKms::GatewayAppIdSet { gatewayAppId: gateway });
    world.commit(None, 60).await;
    world.store.keep_compose(compose.as_bytes(), 1).await.unwrap();
    let app = page_of(APP);
    for path in [
        "/".to_owned(),
        app.clone(),
        format!("{app}/history"),
        format!("/chains/{LOCAL}/versions/{version}"),
        "/changes".to_owned(),
        "/apps".to_owned(),
        "/families/acme".to_owned(),
        "/search?q=%3Cscript%3Ealert(6)%3C/script%3E".to_owned(),
        format!("{app}?at=%22%3E%3Cscript%3Ealert(7)%3C/script%3E"),
        "/deletions?app=%22%3E%3Cscript%3Ealert(8)%3C/script%3E".to_owned(),
        "/families/%3Cscript%3Ealert(9)%3C%2Fscript%3E".to_owned(),
        "/%3Cscript%3Ealert(10)%3C/script%3E".to_owned(),
        format!("/chains/{LOCAL}/apps/%3Cscript%3E"),
        "/search?q='%20OR%201=1;%20DROP%20TABLE%20blocks;--".to_owned(),
    ] {
        let (status, headers, body) = call(&world, &path).await;
        assert!([200, 400, 404].contains(&status), "{path}: {status}");
        for bad in ["<script>alert", "<img src=x", "<svg onload", "href=\"javascript:", "\u{202e}"]
        {
            assert!(!body.contains(bad), "{path} has {bad}");
        }
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
    }
    // A link is made only of what leads to a page.
    let (_, _, body) = call(&world, &app).await;
    assert!(!body.contains("href=\"https://x.example/\u{202e}"));
    assert!(body.contains("javascript:alert(3)"), "it is shown as the text that it is");
    // The feeds as well are read by programs that trust their markup.
    for path in
        [format!("{app}/feed.atom"), format!("{app}/notices.ics"), format!("{app}/badge.svg")]
    {
        let (status, _, body) = call(&world, &path).await;
        assert_eq!(status, 200, "{path}");
        assert!(!body.contains("<script") && !body.contains("<img"), "{path}");
    }
    // And the answers still come: nothing was dropped.
    assert_eq!(call(&world, &app).await.0, 200);
}

/// What RFC 4287 asks of a feed, and that it changes only when something happens.
#[tokio::test]
async fn feeds_are_valid_and_their_entries_keep_their_names() {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut world = World::empty(LOCAL).await;
    world.tell();
    let mut last = None;
    for to in [30, 52, 120, 200] {
        world.commit(last, to).await;
        last = Some(world.block(to));
        for path in [
            "/feed.atom".to_owned(),
            "/families/acme/feed.atom".to_owned(),
            format!("{}/feed.atom", page_of(APP)),
        ] {
            let (status, headers, body) = call(&world, &path).await;
            assert_eq!(status, 200, "{path}");
            assert!(
                headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("application/atom+xml")
            );
            let feed = Feed::read_from(body.as_bytes()).unwrap();
            let again = call(&world, &path).await.2;
            assert_eq!(body, again, "{path} changes by itself");
            assert!(feed.id.starts_with("urn:devproof:feed:") && !feed.title.value.is_empty());
            assert!(
                !feed.authors.is_empty(),
                "4.1.1: a feed without authors needs them in each entry"
            );
            let own: Vec<_> = feed.links.iter().filter(|link| link.rel == "self").collect();
            assert_eq!(own[0].href, format!("http://devproof.example.org{path}"));
            let mut ids = BTreeSet::new();
            let mut newest = None;
            for entry in &feed.entries {
                assert!(
                    entry.id.starts_with("urn:devproof:") && ids.insert(&entry.id),
                    "{}",
                    entry.id
                );
                assert!(!entry.title.value.is_empty());
                assert!(newest.is_none_or(|time| entry.updated <= time), "newest first");
                newest = Some(entry.updated);
                let content = entry.content.as_ref().unwrap();
                assert!(content.value.as_ref().is_some_and(|text| text.len() > 20));
                assert_eq!(entry.links[0].rel, "alternate");
                // An entry that was seen once means the same for ever, but for the hours that are left.
                if !entry.id.ends_with("ripe_soon") {
                    let title =
                        known.entry(entry.id.clone()).or_insert_with(|| entry.title.value.clone());
                    assert_eq!(*title, entry.title.value);
                }
            }
        }
    }
    let said = |word: &str| known.values().any(|title| title.contains(word));
    assert!(
        said("acme announced version 0x02020202..02020202, possible from 2026-03-13 12:00:00 UTC"),
        "{known:#?}"
    );
    assert!(said("acme accepts version 0x02020202..02020202, after 7 d of notice"));
    assert!(
        said("without notice") && said("has expired") && said("may come into force at any moment")
    );
    assert!(said("admits the operating system") && said("had its code replaced"));
}

/// However much happens elsewhere on the chain, who reads the feed of an app now and then is told of its announcement.
#[tokio::test]
async fn the_feed_of_an_app_does_not_lose_what_it_did_among_what_others_do() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.stock_birth(12);
    let image = devproof_contracts::stock::DstackKms::OsImageHashAdded { osImageHash: hash(0xe1) };
    world.kms(19, &image);
    world.propose(20, hash(2), None);
    for number in 21..330 {
        let version = hash((number % 200) as u8);
        let added = devproof_contracts::stock::DstackApp::ComposeHashAdded { composeHash: version };
        world.stock(number, &added);
    }
    world.commit(None, 330).await;
    for path in [format!("{}/feed.atom", page_of(APP)), "/families/acme/feed.atom".to_owned()] {
        let feed = Feed::read_from(call(&world, &path).await.2.as_bytes()).unwrap();
        let said = |word: &str| feed.entries.iter().any(|entry| entry.title.value.contains(word));
        assert!(said("acme announced version 0x02020202..02020202"), "{path}: {feed:#?}");
        assert!(said("admits the operating system 0xe1e1e1e1..e1e1e1e1"), "{path}: {feed:#?}");
        assert!(!said("0x000000..00b1"), "{path}: what others did is not told");
    }
}

/// The lines of a calendar, unfolded.
fn lines(calendar: &str) -> Vec<String> {
    assert!(calendar.ends_with("\r\n") && !calendar.replace("\r\n", "").contains(['\r', '\n']));
    assert!(calendar.split("\r\n").all(|line| line.len() <= 75), "RFC 5545, 3.1");
    calendar.replace("\r\n ", "").split("\r\n").map(str::to_owned).collect()
}

/// The events of a calendar by their UID: each name once, as RFC 5545 asks.
fn events(calendar: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let lines = lines(calendar);
    assert_eq!((lines[0].as_str(), lines[1].as_str()), ("BEGIN:VCALENDAR", "VERSION:2.0"));
    assert!(lines.iter().any(|line| line.starts_with("PRODID:")));
    assert_eq!(lines[lines.len() - 2], "END:VCALENDAR");
    let (mut found, mut event) = (BTreeMap::new(), None);
    for line in &lines {
        match line.as_str() {
            "BEGIN:VEVENT" => event = Some(BTreeMap::new()),
            "END:VEVENT" => {
                let event: BTreeMap<String, String> = event.take().unwrap();
                for name in ["UID", "DTSTAMP", "DTSTART", "SUMMARY", "SEQUENCE", "STATUS"] {
                    assert!(event.contains_key(name), "{name} of {event:?}");
                }
                assert!(found.insert(event["UID"].clone(), event).is_none());
            }
            line => {
                if let Some(event) = &mut event {
                    let (name, value) = line.split_once(':').unwrap();
                    assert!(
                        event.insert(name.to_owned(), value.to_owned()).is_none(),
                        "{name} twice"
                    );
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn an_event_of_the_calendar_keeps_its_uid_whatever_becomes_of_it() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.propose(20, hash(2), None);
    world.propose(22, hash(3), None);
    world.commit(None, 30).await;
    let path = format!("{}/notices.ics", page_of(APP));
    let (_, headers, calendar) = call(&world, &path).await;
    assert!(headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/calendar"));
    let before = events(&calendar);
    assert_eq!(before.len(), 2);
    for event in before.values() {
        assert_eq!((event["STATUS"].as_str(), event["SEQUENCE"].as_str()), ("CONFIRMED", "0"));
    }
    let starts: BTreeSet<&str> = before.values().map(|event| event["DTSTART"].as_str()).collect();
    let ripe = |number: u64| {
        let time = block(number).timestamp + 7 * DAY;
        devproof_api::documents::time(time).strftime("%Y%m%dT%H%M%SZ").to_string()
    };
    assert_eq!(starts, BTreeSet::from([ripe(20).as_str(), ripe(22).as_str()]));
    // One is withdrawn, the other comes into force.
    world.extend(32, Action::Cancelled, Setting::ComposeHash, hash(3), OWNER);
    world.extend(50, Action::Set, Setting::ComposeHash, hash(2), STRANGER);
    world.commit(Some(world.block(30)), 60).await;
    let after = events(&call(&world, &path).await.2);
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    let mut statuses: Vec<_> = after.values().map(|event| event["STATUS"].as_str()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["CANCELLED", "CONFIRMED"]);
    assert!(after.values().all(|event| event["SEQUENCE"] == "1"));
    // The calendar of everything, and of the family.
    for path in ["/notices.ics", "/families/acme/notices.ics"] {
        let (status, _, calendar) = call(&world, path).await;
        assert_eq!((status, events(&calendar) == after), (200, true), "{path}: {calendar}");
    }
}

#[tokio::test]
async fn the_badge_says_what_the_page_says() {
    let mut world = World::empty(PUBLIC).await;
    world.tell();
    world.commit(None, 200).await;
    world.tags(Some(200), Some(200)).await;
    let badge = async |world: &World, app: alloy_primitives::Address| {
        let (status, headers, body) =
            call(world, &format!("/chains/{PUBLIC}/apps/{app:#x}/badge.svg")).await;
        assert_eq!(
            (status, headers[header::CONTENT_TYPE].to_str().unwrap()),
            (200, "image/svg+xml")
        );
        text(&body)
    };
    let said = badge(&world, APP).await;
    assert!(said.contains("not checked yet"), "{said}");
    world.verified(200).await;
    let said = badge(&world, APP).await;
    assert!(said.contains("notice 7 d"), "{said}");
    // Its code was replaced by what nobody looked at.
    let said = badge(&world, STOCK).await;
    assert!(said.contains("unknown code"), "{said}");
    let (status, ..) =
        call(&world, &format!("/chains/{PUBLIC}/apps/{STRANGER:#x}/badge.svg")).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn every_page_of_every_life_can_be_read() {
    for life in 0..6 {
        let world = lives::random(life).await;
        for app in lives::APPS {
            let path = page_of(app);
            for at in [12, 20, 40, 60] {
                read(&world, &format!("{path}?at={at}")).await;
            }
            read(&world, &format!("{path}/history")).await;
            for feed in ["feed.atom", "notices.ics", "badge.svg"] {
                assert_eq!(call(&world, &format!("{path}/{feed}")).await.0, 200);
            }
        }
        for version in 1..5 {
            read(&world, &format!("/chains/{LOCAL}/versions/{}", hash(version))).await;
        }
        read(&world, "/").await;
    }
}
