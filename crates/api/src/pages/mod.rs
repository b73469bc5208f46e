//! The pages: what the documents say, for people. Served by the same binary, complete without a script, and asking no other
//! host for anything.

mod about;
mod app;
mod assets;
mod compare;
mod compose;
mod deletions;
mod family;
mod home;
mod lists;
mod observed;
mod parts;
mod sentences;
mod timeline;

use crate::{
    AnswerError, Surface,
    rest::{AppState, reply},
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use maud::{DOCTYPE, Markup, html};

/// Nothing but what this service gives, no text of a page as a script or style, and nobody's frame around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
    manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages, without what is the same for all of the service.
pub(crate) fn pages() -> Router<AppState> {
    Router::new()
        .route("/", get(home::page))
        .route("/search", get(lists::search))
        .route("/apps", get(lists::apps))
        .route("/changes", get(lists::changes))
        .route("/chains/{chainId}/apps/{app}", get(app::page))
        .route("/chains/{chainId}/apps/{app}/history", get(app::history))
        .route("/chains/{chainId}/versions/{hash}", get(compose::page))
        .route("/families/{name}", get(family::page))
        .route("/deletions", get(deletions::page))
        .route("/about", get(about::page))
        .merge(assets::routes())
        .layer(middleware::from_fn(guard))
}

/// What every page tells the browser.
async fn guard(request: Request, next: Next) -> Response {
    let mut reply = next.run(request).await;
    dress(&mut reply);
    reply
}

fn dress(reply: &mut Response) {
    let headers = reply.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// What a page is.
struct Page<'a> {
    /// What the window is called.
    title: &'a str,
    /// In which part of the site it is, for the menu.
    part: &'a str,
    /// Feeds of what it is about, with their names.
    feeds: &'a [(String, String)],
    /// What is on it.
    body: Markup,
}

impl Page<'_> {
    fn markup(&self) -> Markup {
        let Self { title, part, feeds, body } = self;
        let link = |to: &str, name: &str| {
            let here = *part == name;
            html! { a href=(to) aria-current=[here.then_some("page")] { (name) } }
        };
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · devproof" }
                    link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href=(assets::STYLE.path);
                    script src=(assets::SCRIPT.path) defer {}
                    @for (name, path) in *feeds {
                        link rel="alternate" type="application/atom+xml" title=(name) href=(path);
                    }
                }
                body {
                    a.skip href="#content" { "Skip to the content" }
                    header.site {
                        a.brand href="/" { "devproof" }
                        nav aria-label="Site" {
                            (link("/apps", "Apps"))
                            (link("/changes", "Changes"))
                            (link("/deletions", "Deletions"))
                            (link("/about", "About"))
                        }
                        form.search action="/search" role="search" {
                            label.hidden for="q" { "App id, owner, version or family" }
                            input id="q" name="q" type="search" placeholder="App id, owner, version or family" autocomplete="off" spellcheck="false";
                            button { "Find" }
                        }
                    }
                    main id="content" { (body) }
                    footer.site {
                        p {
                            "Authorised is what a chain allows. It does not say what runs. "
                            a href="/about" { "What is proved, and what is not" } " · "
                            a href="/docs/" { "REST" }
                        }
                    }
                    div.live role="status" aria-live="polite" {}
                }
            }
        }
    }

    fn reply(&self, headers: &HeaderMap) -> Response {
        reply::text(self.markup().into_string(), "text/html; charset=utf-8", headers)
    }
}

/// Why there is no page.
struct Sorry {
    status: StatusCode,
    title: &'static str,
    why: String,
}

impl Sorry {
    fn malformed(why: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, title: "This cannot be read", why }
    }
}

impl From<AnswerError> for Sorry {
    fn from(error: AnswerError) -> Self {
        let (status, title) = error.status();
        if status.is_server_error() {
            tracing::error!(%error, "no page");
        }
        Self { status, title, why: error.sentence(Surface::Rest) }
    }
}

impl IntoResponse for Sorry {
    fn into_response(self) -> Response {
        let Self { status, title, why } = self;
        let body = html! {
            h1 { (title) }
            p.lead { (why) "." }
            p { "Look for something else above, or go to the " a href="/" { "beginning" } "." }
        };
        let page = Page { title, part: "", feeds: &[], body };
        let mut reply = page.reply(&HeaderMap::new());
        *reply.status_mut() = status;
        reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        reply.headers_mut().remove(header::ETAG);
        reply
    }
}

/// The page of a path that there is not.
pub(crate) fn nothing_here() -> Response {
    let why = "No page is at this address. A link may have been cut short".to_owned();
    let mut reply = Sorry { status: StatusCode::NOT_FOUND, title: "There is nothing here", why }
        .into_response();
    dress(&mut reply);
    reply
}

/// What a page gives.
type PageReply = Result<Response, Sorry>;
