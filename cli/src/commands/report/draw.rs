//! A ladder as a picture (SVG).

use maud::{Markup, html};

use super::{
    facts::{Mark, Piece},
    ladder::{Ladder, Leg, Rung},
};

/// A line of words below which an arrow stands.
type Line = Vec<Piece>;

/// Draws a ladder; `anchor` makes the names in it unique, `title` says what it shows.
pub(super) fn ladder(ladder: &Ladder, anchor: &str, title: &str, target: &str) -> Markup {
    let mut y = TOP;
    let rungs: Vec<Markup> = ladder.rungs.iter().map(|one| rung(one, &mut y)).collect();
    let bottom = y + GAP;
    let (title_name, words_name) = (format!("{anchor}-title"), format!("{anchor}-words"));
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (bottom + 6) } role="img"
            aria-labelledby={ (title_name) " " (words_name) } {
            title id=(title_name) { (title) }
            desc id=(words_name) { (ladder.words()) }
            @for (x, name) in [(US, "this host"), (PATH, "the path"), (TARGET, target)] {
                text.head x=(x) y="16" text-anchor=(anchored(x)) { (name) }
                line.life x1=(x) y1="24" x2=(x) y2=(bottom) {}
            }
            @for rung in &rungs { (rung) }
        }
    }
}

/// Draws one packet, and moves down by its height.
fn rung(rung: &Rung, y: &mut usize) -> Markup {
    let (near, far) = (lines(&rung.near), lines(&rung.far));
    let top = *y;
    let arrow = top + near.len().max(far.len()).max(1) * LINE + 4;
    *y = arrow + GAP;
    let (first, second) = ((US, PATH), (PATH, TARGET));
    html! {
        @if let Some(number) = rung.number {
            text.number x=(US - 8) y=(arrow + 4) text-anchor="end" { (number) }
        }
        (leg(&rung.near, &near, first, rung.out, arrow))
        (leg(&rung.far, &far, second, rung.out, arrow))
    }
}

/// Draws half of a way, with its words above it.
fn leg(leg: &Leg, lines: &[Line], (left, right): (usize, usize), out: bool, y: usize) -> Markup {
    let (x1, x2) = if out { (left + 3, right - 3) } else { (right - 3, left + 3) };
    let middle = usize::midpoint(left, right);
    html! {
        @for (index, line) in lines.iter().enumerate() {
            text x=(left + 10) y=(y - 7 - (lines.len() - 1 - index) * LINE) {
                @for piece in line { (word(piece)) }
            }
        }
        @match leg {
            Leg::Told(_) => {
                @let changed = lines.iter().flatten().any(|piece| piece.mark == Mark::Changed);
                line class=(if changed { "way changed" } else { "way" }) x1=(x1) y1=(y) x2=(x2) y2=(y) {}
                (head(x2, y, out))
            }
            Leg::Untold => {
                line.way.untold x1=(x1) y1=(y) x2=(x2) y2=(y) {}
                (head(x2, y, out))
                text.note x=(middle) y=(y - 7) text-anchor="middle" { "not told" }
            }
            Leg::Stopped => {
                // It ends where the path begins: at the end that it comes from.
                @let x = if out { left } else { right };
                path.stop d={ "M" (x - 6) " " (y - 6) "l12 12m0 -12l-12 12" } {}
                text.note x=(middle) y=(y + 4) text-anchor="middle" { "does not arrive" }
            }
            Leg::Absent => {
                circle.box cx=(left) cy=(y) r="5" {}
                text.note x=(middle) y=(y + 4) text-anchor="middle" { "a box answers" }
            }
        }
    }
}

/// Draws the point of an arrow.
fn head(x: usize, y: usize, out: bool) -> Markup {
    let side = if out { "-7" } else { "7" };
    html! { path.point d={ "M" (x) " " (y) "l" (side) " -4v8z" } {} }
}

/// Writes a word: what was changed is marked by more than a colour.
fn word(piece: &Piece) -> Markup {
    match piece.mark {
        Mark::Plain => html! { tspan { (piece.text) " " } },
        Mark::Lost => html! { tspan.lost { (piece.text) } tspan { " " } },
        Mark::Changed => html! { tspan.changed { "≠ " (piece.text) } tspan { " " } },
    }
}

/// Breaks what is said into lines.
fn lines(leg: &Leg) -> Vec<Line> {
    let Leg::Told(pieces) = leg else { return Vec::new() };
    let mut lines: Vec<Line> = Vec::new();
    let mut width = COLUMNS;
    for piece in pieces.iter().flat_map(cut) {
        let own = piece.text.chars().count() + if piece.mark == Mark::Changed { 3 } else { 1 };
        if width + own > COLUMNS {
            lines.push(Line::new());
            width = 0;
        }
        width += own;
        if let Some(line) = lines.last_mut() {
            line.push(piece);
        }
    }
    lines
}

/// Cuts up a word that is longer than a line.
fn cut(piece: &Piece) -> Vec<Piece> {
    let letters: Vec<char> = piece.text.chars().collect();
    let part = |letters: &[char]| Piece { text: letters.iter().collect(), mark: piece.mark };
    letters.chunks(COLUMNS - 3).map(part).collect()
}

fn anchored(x: usize) -> &'static str {
    match x {
        US => "start",
        TARGET => "end",
        _ => "middle",
    }
}

/// The picture's width, and where its lines stand.
const WIDTH: usize = 880;
const US: usize = 60;
const PATH: usize = 460;
const TARGET: usize = 860;
/// The height of a line of words, what is below an arrow, and where the first rung begins.
const LINE: usize = 14;
const GAP: usize = 16;
const TOP: usize = 34;
/// How many letters stand side by side in half the picture.
const COLUMNS: usize = 58;
