//! Pages as browsers get them: well-formed, escaped, alone.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::{
    Anchor, Block, Cell, Column, Drawing, Figure, Headline, Outline, Page, Paint, Section, Sign, Table, Text,
    Tone,
};
use crate::Error;
use crate::picture::{Chart, Picture, Series};

/// What would break a page that does not escape.
const EVIL: &str = "</style></title><script>alert('x')</script>\"&amp; onload=\"x\u{202e}\u{0}שלום";

fn drawing() -> Drawing {
    let mut drawing = Drawing::new(40.0, 30.0);
    drawing.rectangle(
        (0.0, 0.0),
        (5.0, 5.0),
        Paint::fill(Tone::Accent).and_stroke(Tone::Fixed([1, 2, 3]), 1.0),
    );
    drawing.circle((1.0, 2.0), 3.0, Paint::stroke(Tone::Series(9), 0.5).dashed());
    drawing.line((0.0, 1.0), (2.0, -0.001), Paint::stroke(Tone::Rule, 1.0).crisp());
    drawing.outline(
        &Outline::new().to((0.0, 0.0)).curve((1.0, 1.0), (2.0, 0.0)).close(),
        Paint::fill(Tone::Ink),
    );
    drawing.text(EVIL, (3.0, 4.0), (11.0, Anchor::Middle, Tone::Soft), Some(EVIL));
    drawing.slanted(EVIL, (3.0, 4.0), (11.0, Tone::Soft), None);
    drawing.pixels((0.0, 0.0), (10.0, 10.0), &[Some([255, 0, 0]), None], 2).unwrap();
    drawing
}

/// A page with everything in it, all of whose words try to break out.
fn everything() -> Page {
    let mut table = Table::new(EVIL, [(Column::Short, EVIL), (Column::Number, "n"), (Column::Long, "why")]);
    table.row([Cell::from(EVIL), Cell::state(Sign::No, EVIL), Cell::drawing(drawing(), EVIL, EVIL)]);
    table.row(["too short"]);
    let chart = Chart::new(EVIL, "y").series(Series::new("line", [(0.0, 1.0), (1.0, 2.0)]));
    let picture = Picture::new("").row([chart]);
    let figure = Figure::new(EVIL)
        .drawing(EVIL, &drawing(), EVIL)
        .unwrap()
        .drawings("", &drawing(), &drawing(), "two")
        .unwrap()
        .pictures("", &picture, &picture, "chart")
        .unwrap();
    let text = || Text::new().plain(EVIL).strong(EVIL).code(EVIL).name(EVIL, 9).below(EVIL);
    let blocks = vec![
        Block::Heading(text()),
        Block::Notice(text()),
        Block::List(vec![text(), text()]),
        Block::Terms(vec![(text(), text())]),
        Block::Code(EVIL.into()),
        Block::Cards { figures: vec![figure.clone(), figure.clone()], is_broad: true },
        Block::Details { summary: text(), blocks: vec![table.into(), figure.into()] },
    ];
    let headline =
        Headline::new(EVIL).badge(Sign::Open, EVIL).about(EVIL).lead(EVIL).second(EVIL).fact(EVIL, EVIL);
    Page::new(EVIL, headline)
        .section(Section::new(EVIL).extend(blocks))
        .section(Section::new(EVIL).block(Block::paragraph(EVIL)))
        .section(Section::new("עברית").block(Block::paragraph("א")))
        .section(Section::new("left out"))
        .foot(EVIL)
}

fn parsed(html: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(html, options).unwrap()
}

#[test]
fn whatever_comes_from_outside_stays_text() {
    let html = everything().html().unwrap();
    let document = parsed(&html);
    let known = [
        "a",
        "bdi",
        "body",
        "br",
        "circle",
        "code",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "head",
        "header",
        "html",
        "image",
        "li",
        "line",
        "main",
        "meta",
        "nav",
        "p",
        "path",
        "polyline",
        "pre",
        "rect",
        "section",
        "span",
        "strong",
        "style",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "text",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
        "polygon",
    ];
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        assert!(known.contains(&node.tag_name().name()), "{:?}", node.tag_name());
        assert!(node.attributes().all(|a| !a.name().starts_with("on") && a.name() != "style"), "{node:?}");
    }
    let found = document.descendants().filter(|n| n.is_text() && n.text().unwrap().contains("<script>"));
    assert!(found.count() > 20);
}

#[test]
fn nothing_is_asked_of_anywhere() {
    let html = everything().html().unwrap();
    let document = parsed(&html);
    for node in document.descendants() {
        for attribute in node.attributes().filter(|a| ["href", "src", "srcset", "action"].contains(&a.name()))
        {
            let value = attribute.value();
            assert!(value.starts_with('#') || value.starts_with("data:image/png;base64,"), "{value}");
        }
    }
    assert!(
        !super::STYLE.contains("url(") && !super::STYLE.contains("@import") && !super::STYLE.contains("http")
    );
    assert!(!html.contains("http:") && !html.contains("https:"));
    let policy = document.descendants().find(|n| n.attribute("http-equiv").is_some()).unwrap();
    assert!(policy.attribute("content").unwrap().starts_with("default-src 'none';"));
}

#[test]
fn ids_are_there_once_and_links_lead_to_them() {
    let html = everything().html().unwrap();
    let document = parsed(&html);
    let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!((ids.len(), once.len()), (6, 6), "{ids:?}");
    let links: Vec<&str> = document.descendants().filter_map(|node| node.attribute("href")).collect();
    let inside: Vec<_> = links.iter().filter_map(|link| link.strip_prefix('#')).collect();
    assert!(inside.len() == 3 && inside.iter().all(|link| ids.contains(link)), "{inside:?}");
    assert!(!html.contains("left out"));
}

#[test]
fn headings_that_are_alike_have_names_of_their_own() {
    let section = |heading: &str| Section::new(heading).block(Block::paragraph("x"));
    let headings = ["A b", "a-B!", "a b heading", "A b", "", "–"];
    let page = headings.iter().fold(Page::new("", Headline::new("")), |page, h| page.section(section(h)));
    assert_eq!(page.names(), ["a-b", "a-b-2", "a-b-heading-", "a-b-3", "section", "section-2"]);
}

#[test]
fn every_drawing_says_what_it_shows_or_is_passed_over() {
    let html = everything().html().unwrap();
    let document = parsed(&html);
    for svg in document.descendants().filter(|node| node.has_tag_name("svg")) {
        let is_named = svg.attribute("role") == Some("img")
            && svg.attribute("aria-label").is_some_and(|l| !l.is_empty());
        assert!(is_named || svg.attribute("aria-hidden") == Some("true"));
        assert!(svg.attribute("viewBox").is_some());
        assert!(!svg.descendants().any(|node| node.attribute("id").is_some()));
    }
}

#[test]
fn the_same_page_gives_the_same_bytes() {
    assert_eq!(everything().html().unwrap(), everything().html().unwrap());
}

#[test]
fn drawings_refuse_what_is_no_number() {
    let refused = |drawing: &Drawing| match Figure::new("").drawing("", drawing, "named") {
        Err(Error::NotFinite { what, .. }) => what.contains("named"),
        _ => false,
    };
    let mut circle = Drawing::new(1.0, 1.0);
    assert!(!refused(&circle));
    circle.circle((0.0, f64::NAN), 1.0, Paint::default());
    assert!(refused(&circle) && refused(&Drawing::new(f64::INFINITY, 1.0)));
    let mut path = Drawing::new(1.0, 1.0);
    path.outline(&Outline::new().to((f64::NEG_INFINITY, 0.0)), Paint::default());
    assert!(refused(&path));
    let mut line = Drawing::new(1.0, 1.0);
    line.line((0.0, 0.0), (1.0, 1.0), Paint::stroke(Tone::Ink, f64::NAN));
    assert!(refused(&line));
    let pixels = Drawing::new(1.0, 1.0).pixels((0.0, 0.0), (1.0, 1.0), &[None; 3], 2);
    assert!(matches!(pixels, Err(Error::Shape { entries: 3, .. })));
    assert!(Drawing::new(1.0, 1.0).pixels((0.0, 0.0), (1.0, 1.0), &[], 0).is_err());
}

/// The stylesheet colours what drawings ask for; it is XML as it stands.
#[test]
fn every_tone_has_a_colour() {
    let tones = [
        Tone::Ink,
        Tone::Soft,
        Tone::Rule,
        Tone::Faint,
        Tone::Raised,
        Tone::Paper,
        Tone::Accent,
        Tone::Good,
        Tone::Open,
        Tone::Bad,
    ];
    for tone in tones.into_iter().chain((0..8).map(Tone::Series)) {
        let mut drawing = Drawing::new(1.0, 1.0);
        drawing.circle((0.0, 0.0), 1.0, Paint::fill(tone).and_stroke(tone, 1.0));
        let svg = drawing.svg("", "").unwrap();
        let classes = svg.split("<circle").nth(1).unwrap().split("class=\"").nth(1).unwrap();
        let classes: Vec<&str> = classes.split('"').next().unwrap().split(' ').collect();
        assert_eq!(classes.len(), 2);
        assert!(
            classes.iter().all(|class| super::STYLE.contains(&format!("svg .{class} {{"))),
            "{classes:?}"
        );
    }
    assert!(!super::STYLE.contains(['<', '&']));
}
