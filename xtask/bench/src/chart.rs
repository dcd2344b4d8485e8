//! Charts for the documentation, as SVG written by hand.

use std::fmt::Write;

use crate::{
    stats::Figures,
    table::{Bound, Row, Unit, Verdict, digits},
};

/// A chart of lines over sizes; both axes are logarithmic.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) lines: Vec<Line>,
}

/// One line, with its figures at each size.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, Figures)>,
}

/// Colors that are readable on a light and on a dark page.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.dim{fill:#6e7781}.axis{stroke:#d0d7de;stroke-width:1}\
    .goal{stroke:#24292f;stroke-width:1.5}.met{fill:#2da44e}.missed{fill:#cf222e}\
    .l0{stroke:#0969da;fill:#0969da}.l1{stroke:#1a7f37;fill:#1a7f37}.l2{stroke:#bc4c00;fill:#bc4c00}.l3{stroke:#8250df;fill:#8250df}\
    polyline{fill:none!important;stroke-width:2}text.l0,text.l1,text.l2,text.l3{stroke:none}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#8d96a0}.axis{stroke:#3d444d}.goal{stroke:#e6edf3}}";

/// Draws how near each operation is to its goals: a bar that ends before the line is a goal that is met.
pub(crate) fn bars(rows: &[Row]) -> String {
    const LEFT: f64 = 430.0;
    const WIDTH: f64 = 420.0;
    const STEP: f64 = 22.0;
    let bars: Vec<(String, f64)> =
        rows.iter().filter(|row| row.verdict() != Verdict::Skipped).flat_map(shares).collect();
    let (least, most) = bars.iter().fold((0.1_f64, 10.0_f64), |(least, most), bar| (least.min(bar.1), most.max(bar.1)));
    let (low, high) = (least.max(1e-3).log10().floor(), most.log10().ceil());
    let x = |share: f64| LEFT + (share.log10().clamp(low, high) - low) / (high - low) * WIDTH;
    let bottom = 40.0 + STEP * bars.len() as f64;
    let mut svg = begin(LEFT + WIDTH + 80.0, bottom + 30.0, "How much of what its goal allows each operation takes");
    for power in low as i32..=high as i32 {
        let at = x(10_f64.powi(power));
        let _ = write!(svg, r#"<line class="axis" x1="{at:.1}" y1="36" x2="{at:.1}" y2="{bottom:.1}"/>"#);
        let shown = if power == 0 { "goal".to_owned() } else { format!("{} x", 10_f64.powi(power)) };
        label(&mut svg, (at, bottom + 18.0), "middle", "dim", &shown);
    }
    for (at, (name, share)) in bars.iter().enumerate() {
        let top = 40.0 + STEP * at as f64;
        label(&mut svg, (LEFT - 8.0, top + 13.0), "end", "", name);
        let class = if *share <= 1.0 { "met" } else { "missed" };
        let width = (x(*share) - LEFT).max(1.0);
        let _ = write!(svg, r#"<rect class="{class}" x="{LEFT}" y="{top:.1}" width="{width:.1}" height="16" rx="2"/>"#);
        label(&mut svg, (LEFT + WIDTH + 60.0, top + 13.0), "end", "dim", &digits(*share));
    }
    let _ = write!(svg, r#"<line class="goal" x1="{0:.1}" y1="36" x2="{0:.1}" y2="{bottom:.1}"/></svg>"#, x(1.0));
    svg.push('\n');
    svg
}

/// Returns the used-up share of each goal of a row.
fn shares(row: &Row) -> Vec<(String, f64)> {
    let share = |bound: &Bound, what: &str| {
        bound.most.map(|most| (format!("{}, {what}", row.operation), row.ours.ratio_to(&bound.figures) / most))
    };
    let floor = row.floor.iter().filter_map(|bound| share(bound, "floor"));
    floor.chain(row.peer.iter().filter_map(|bound| share(bound, "peer"))).collect()
}

/// Draws lines over sizes.
pub(crate) fn lines(plot: &Plot) -> String {
    const LEFT: f64 = 80.0;
    const TOP: f64 = 50.0;
    const WIDTH: f64 = 520.0;
    const HEIGHT: f64 = 320.0;
    let points = || plot.lines.iter().flat_map(|line| &line.points);
    let (x_low, x_high) = powers(points().map(|(size, _)| *size));
    let (y_low, y_high) = powers(points().map(|(_, figures)| figures.median()));
    let x = |size: f64| LEFT + (size.log10() - x_low) / (x_high - x_low) * WIDTH;
    let y = |figure: f64| {
        TOP + HEIGHT - (figure.max(1e-3).log10().clamp(y_low, y_high) - y_low) / (y_high - y_low) * HEIGHT
    };
    let mut svg = begin(LEFT + WIDTH + 170.0, TOP + HEIGHT + 50.0, &plot.title);
    for power in y_low as i32..=y_high as i32 {
        let (figure, right) = (10_f64.powi(power), LEFT + WIDTH);
        let at = y(figure);
        let _ = write!(svg, r#"<line class="axis" x1="{LEFT}" y1="{at:.1}" x2="{right}" y2="{at:.1}"/>"#);
        label(&mut svg, (LEFT - 8.0, at + 4.0), "end", "dim", &plot.unit.show(figure));
    }
    for power in x_low as i32..=x_high as i32 {
        let size = 10_f64.powi(power);
        label(&mut svg, (x(size), TOP + HEIGHT + 22.0), "middle", "dim", &crate::join::thousands(size as usize));
    }
    for (at, line) in plot.lines.iter().enumerate() {
        let class = format!("l{}", at % 4);
        let path: Vec<String> =
            line.points.iter().map(|(size, figures)| format!("{:.1},{:.1}", x(*size), y(figures.median()))).collect();
        let _ = write!(svg, r#"<polyline class="{class}" points="{}"/>"#, path.join(" "));
        for (size, figures) in &line.points {
            let (low, high) = figures.quartiles();
            let (at, low, high) = (x(*size), y(low), y(high));
            let _ = write!(svg, r#"<line class="{class}" x1="{at:.1}" y1="{low:.1}" x2="{at:.1}" y2="{high:.1}"/>"#);
            let _ = write!(svg, r#"<circle class="{class}" cx="{at:.1}" cy="{:.1}" r="3"/>"#, y(figures.median()));
        }
    }
    for (at, height) in apart(&plot.lines, |figures| y(figures.median())) {
        let right = plot.lines[at].points.last().map_or(LEFT, |(size, _)| x(*size));
        label(&mut svg, (right + 10.0, height + 4.0), "start", &format!("l{}", at % 4), &plot.lines[at].name);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Returns the height at which each line is named: beside its end, and not over another name.
fn apart(lines: &[Line], y: impl Fn(&Figures) -> f64) -> Vec<(usize, f64)> {
    const BETWEEN: f64 = 16.0;
    let ends =
        lines.iter().enumerate().filter_map(|(at, line)| line.points.last().map(|(_, figures)| (at, y(figures))));
    let mut names: Vec<(usize, f64)> = ends.collect();
    names.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let mut free = f64::NEG_INFINITY;
    for (_, height) in &mut names {
        *height = height.max(free);
        free = *height + BETWEEN;
    }
    names
}

/// Returns the powers of ten around the figures.
fn powers(figures: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = figures.clone().fold(f64::INFINITY, f64::min).max(1e-3).log10().floor();
    let high = figures.fold(0.0, f64::max).max(1e-3).log10().ceil();
    if low.is_finite() && high > low { (low, high) } else { (0.0, 1.0) }
}

fn begin(width: f64, height: f64, title: &str) -> String {
    let mut svg =
        format!(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" role="img">"#);
    let _ = write!(svg, "<style>{STYLE}</style><title>{}</title>", escaped(title));
    label(&mut svg, (16.0, 22.0), "start", "", title);
    svg
}

fn label(svg: &mut String, (x, y): (f64, f64), anchor: &str, class: &str, text: &str) {
    let text = escaped(text);
    let _ = write!(svg, r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that every opened element is closed.
    fn assert_sound(svg: &str) {
        let opened = svg.matches('<').count() - svg.matches("</").count();
        let closed = svg.matches("</").count() + svg.matches("/>").count();
        assert_eq!(opened, closed, "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn a_bar_ends_before_the_line_exactly_when_its_goal_is_met() {
        let row = |ours: f64, most: f64| {
            let bound = Bound::at_most(most, "a floor", Figures::fixed(100.0));
            Row::new("send", "send <it> & all", Unit::Nanoseconds, Figures::fixed(ours)).floor(bound)
        };
        let svg = bars(&[row(110.0, 1.15), row(120.0, 1.15), Row::skipped("cold", "cold", "no permission")]);
        assert_sound(&svg);
        assert_eq!(svg.matches("<rect class=\"met\"").count(), 1);
        assert_eq!(svg.matches("<rect class=\"missed\"").count(), 1);
        assert!(svg.contains("send &lt;it&gt; &amp; all, floor") && !svg.contains("cold"));
    }

    #[test]
    fn a_share_of_a_core_has_a_bar_even_if_it_is_nothing() {
        let row = |ours: f64| Row::new("idle", "idle", Unit::Percent, Figures::fixed(ours)).floor(Bound::figure(0.02));
        let svg = bars(&[row(0.01), row(0.0), row(0.04)]);
        assert_sound(&svg);
        assert_eq!(svg.matches("<rect class=\"met\"").count(), 2);
        assert_eq!(svg.matches("<rect class=\"missed\"").count(), 1);
        assert!(svg.contains(">0.500<") && svg.contains(">2.00<"), "{svg}");
    }

    #[test]
    fn a_flat_line_is_level_and_a_rising_one_rises() {
        let line = |name: &str, figures: [f64; 2]| {
            let points = [1000.0, 1_000_000.0].into_iter().zip(figures.map(Figures::fixed)).collect();
            Line { name: name.to_owned(), points }
        };
        let lines_of = vec![line("flat", [500.0, 500.0]), line("rising", [100.0, 100_000.0])];
        let svg = lines(&Plot { title: "growth".to_owned(), unit: Unit::Nanoseconds, lines: lines_of });
        assert_sound(&svg);
        let heights = |class: &str| -> Vec<f64> {
            let from = svg.split(&format!("<polyline class=\"{class}\" points=\"")).nth(1).unwrap();
            let points = from.split('"').next().unwrap();
            points.split(' ').map(|point| point.split(',').nth(1).unwrap().parse().unwrap()).collect()
        };
        let (flat, rising) = (heights("l0"), heights("l1"));
        assert_eq!(flat[0], flat[1]);
        assert!(rising[1] < rising[0], "higher is further up: {rising:?}");
    }

    #[test]
    fn names_do_not_overlap() {
        let line = |figure| Line { name: String::new(), points: vec![(1.0, Figures::fixed(figure))] };
        let names = apart(&[line(30.0), line(10.0), line(12.0)], Figures::median);
        assert_eq!(names, [(1, 10.0), (2, 26.0), (0, 42.0)]);
    }

    #[test]
    fn a_chart_can_be_empty() {
        assert_sound(&bars(&[]));
        assert_sound(&lines(&Plot { title: String::new(), unit: Unit::Bytes, lines: Vec::new() }));
    }
}
