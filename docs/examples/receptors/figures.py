"""What programmed networks answer: a point a pair, pairs that fit beside those that do not."""

from codesign.bayesmulti.methods import method_of
from codesign.figures.methods import head, in_order, look_of_method
from codesign.figures.style import Drawing, axes_mm, house_style, new_figure


def answers(rows, *, experiment, origin):
    columns = ("method", "level", "fits", "logit")
    numbers = [{name: row[name] for name in columns} for row in rows if row["programming"] == 0]
    with house_style():  # fonts and lines are those of the block that makes the figure
        figure = new_figure(120, 72)
        lines = ["left: pairs that do not fit; right: pairs that do", "one programming; above 0: said to fit"]
        head(figure, 72, f"{experiment}: answers", lines, origin, on="levels")
        axes = axes_mm(figure, 14, 14, 102, 38, xlabel="usability level U", ylabel="logit")
        for k, method in enumerate(in_order(row["method"] for row in numbers)):
            mine, look = [row for row in numbers if row["method"] == method], look_of_method(method)
            x = [row["level"] + 0.05 * row["fits"] + 0.02 * k for row in mine]
            y = [row["logit"] for row in mine]
            axes.plot(x, y, look.marker, color=look.colour, ms=1.5, mew=0, label=method_of(method).title)
        axes.legend(ncols=6, loc="upper left", bbox_to_anchor=(0, -0.2))
        return Drawing(figure, numbers)
