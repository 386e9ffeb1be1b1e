"""Whether each number a chapter states is one that it printed.

A *claim* is a number with three or more significant digits in the prose: Markdown, alt texts,
captions, comments. The *evidence* is what the code printed, and the constants in the code itself.
"""

import ast
import html
import io
import re
import tokenize
from decimal import Decimal, InvalidOperation
from typing import NamedTuple


class Number(NamedTuple):
    """A decimal as written: 62.7 % is value 62.7, quantum 0.1, percent True."""

    text: str
    value: Decimal
    quantum: Decimal
    negative: bool = False
    percent: bool = False

    @property
    def digits(self):
        """Significant digits; the trailing zeros of a whole number say nothing about precision."""
        mantissa = re.split("[eE%]", self.text)[0]
        digits = re.sub(r"\D", "", mantissa).lstrip("0")
        return len(digits if "." in mantissa else digits.rstrip("0"))


_NUMBER = re.compile(
    r"(?<![\w.#])(?P<mantissa>\d+(?:\.\d*)?|\.\d+)(?:[eE](?P<exponent>[-+]?\d+))?(?![\d])"
    r"(?P<percent>(?:\\,|~|\s)*\\?%|\s+per\s?cent)?"
)
_SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def numbers(text):
    """Return the numbers of a text, in order, in whichever of the usual ways each is written."""
    text = text.replace("−", "-")
    text = re.sub(r"(?<=\d)(?:,|\{,\}|\\,|[\u2009\u202f])(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: f"10^{m[1].translate(_SUPERSCRIPT)}", text)
    times_ten = r"\s*(?:\\times|\\cdot|×|·)\s*10\s*\^\s*\{?\s*(-?\d+)\s*\}?"
    text = re.sub(rf"(?<=[\d.]){times_ten}", r"e\1", text)
    text = re.sub(r"(?<![\d.])10\s*\^\s*\{?\s*-?\d+\s*\}?", " ", text)
    found = []
    for match in _NUMBER.finditer(text):
        mantissa, exponent = match["mantissa"].rstrip("."), int(match["exponent"] or 0)
        decimals = len(mantissa.partition(".")[2])
        # A minus with nothing to subtract from is a sign; `a-0.5` and `a - 0.5` are differences.
        negative = re.search(r"(?<![\w)\]}.])-$", text[: match.start()]) is not None
        found.append(
            Number(
                match[0].strip(),
                Decimal(mantissa).scaleb(exponent),
                Decimal(1).scaleb(exponent - decimals),
                negative,
                match["percent"] is not None,
            )
        )
    return found


# What looks like a number and claims nothing, with what stays in its place.
_NO_CLAIMS = [
    (r"<!--.*?-->", " "),
    (r"^(`{3,}|~{3,}).*?^\1[`~]*\s*$", " "),
    (r"^:{3,}\s*(?:\{[\w:-]+\})?", " "),
    (r"^:[\w-]+:[^\n]*$", " "),
    (r"^\([\w:.-]+\)=\s*$", " "),
    (r"\$\$\s*\([\w:.-]+\)", "$$ "),
    (r"\{math\}`([^`]*)`", r" \1 "),
    (r"(?:\{[\w:+-]+\})?(`+)(?!`).+?(?<!`)\1(?!`)", " "),
    (r"!?\[([^\]]*)\]\([^)]*\)", r"\1"),
    (r"<?https?://[^\s>)]+>?", " "),
    (r"\b(?:doi:\s*)?10\.\d{4,}/\S+", " "),
    (r"\barXiv:\s*\d{4}\.\d{4,5}(?:v\d+)?", " "),
    (r"\b\d+(?:\.\d+){2,}", " "),
    (r"\b(?:Python|NumPy|SciPy|SymPy|PyTorch|Matplotlib|scikit-learn|version)\s+\d[\d.]*", " "),
    (r"\b(?:IEEE|ISO|RFC)[\s-]?\d+", " "),
    (r"(?:\b(?:Sections?|Chapters?|Eqs?\.|Figures?|Tables?|Theorem|pp?\.|pages?|vol\.)|§)"
     r"\s*\(?\d[\d.–-]*\)?", " "),
    # Years: (Bishop, 2006), (Good 1952; Cox 1958, p. 3), in 1952.
    (r"(?<=\()[^()\d]*(?:1[89]\d|20[0-3])\d[a-z]?(?:[,;][^()\d]*(?:(?:1[89]\d|20[0-3])\d[a-z]?)?)*(?=\))",
     " "),
    (r"\b(?:in|since)\s+(?:1[89]\d|20[0-3])\d\b", " "),
]  # fmt: skip
_NO_CLAIMS = [(re.compile(pattern, re.M | re.S), rest) for pattern, rest in _NO_CLAIMS]
_EXCEPTION = re.compile(r"(?:<!--|#)\s*numbers-ok:(.*?)(?:-->|$)", re.M | re.S)


def claims(markdown):
    """Return the numbers of three or more significant digits that a Markdown text states."""
    for pattern, rest in _NO_CLAIMS:
        markdown = pattern.sub(rest, markdown)
    return [number for number in numbers(markdown) if number.digits >= 3]


def text_outputs(cell):
    """Yield the texts that a code cell printed or displayed, HTML without its tags."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.text
        elif output.output_type == "error":
            yield output.evalue
        elif not any(kind.startswith("image/") for kind in output.data):
            for kind, text in output.data.items():
                if kind == "text/html":
                    yield html.unescape(re.sub(r"(?s)<style.*?</style>|<[^>]*>", " ", text))
                elif kind.startswith("text/"):
                    yield text


def python(cell):
    """Return the source of a code cell as Python, with IPython's own lines left blank."""
    return re.sub(r"(?m)^\s*[%!].*$", "", cell.source)


def _constants(tree):
    """Yield the numbers of the code, and the strings that are a number and nothing else."""
    for node in ast.walk(tree):
        sign, operand = 1, node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            sign, operand = -1, node.operand
        value = getattr(operand, "value", None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield sign * Decimal(repr(value))
        elif isinstance(value, str) and isinstance(operand, ast.Constant):
            try:
                yield sign * Decimal(value)
            except InvalidOperation:
                continue


def _texts(tree):
    """Yield the text literals of the code, those inside f-strings too, without format codes."""
    formats = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None
        for part in ast.walk(node.format_spec)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                Decimal(node.value)
            except InvalidOperation:
                if id(node) not in formats:
                    yield node.value


def _comments(source):
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not re.match(r"#\s*\w+-ok:", token.string):
            yield token.string.lstrip("# ")


def _is_proved(claim, printed, constants):
    scales = (0, -2) if claim.percent else (0,)
    for scale in scales:
        value, quantum = claim.value.scaleb(scale), claim.quantum.scaleb(scale)
        for number in printed:
            if (
                abs(number.value - value) <= quantum / 2
                and number.quantum <= quantum
                and number.negative >= claim.negative
            ):
                return True
        if -value in constants or (value in constants and not claim.negative):
            return True
    return False


def _prose(cell):
    """Return what a cell states in words: (the kind of text, the text)."""
    if cell.cell_type == "markdown":
        return [("the text", cell.source)]
    shown = cell.metadata.get("mystnb", {})
    stated = [
        ("the alt text", str(shown.get("image", {}).get("alt", ""))),
        ("the caption", str(shown.get("figure", {}).get("caption", ""))),
    ]
    if cell.cell_type == "code":
        stated += [("a comment", comment) for comment in _comments(python(cell))]
    return stated


def number_complaints(nb):
    """Return the numbers stated in words that the chapter did not print, and needless exceptions.

    The evidence for a claim is a printed number that rounds to it and shows at least its decimals,
    with its sign if the claim has a minus; or exactly this number in the code. A number typed into
    a text of the code would be printed without having been computed: that is a complaint as well.
    """
    printed, constants = [], set()
    for cell in nb.cells:
        if cell.cell_type == "code":
            for text in text_outputs(cell):
                # `1,000` may be a thousand or two numbers.
                printed += numbers(text) + (numbers(text.replace(",", " ")) if "," in text else [])
            constants.update(_constants(ast.parse(python(cell))))
    printed += [
        number._replace(value=number.value.scaleb(-2), quantum=number.quantum.scaleb(-2))
        for number in printed
        if number.percent
    ]

    complaints = []
    for position, cell in enumerate(nb.cells, start=1):
        unproved = [
            (where, claim, "is not printed by this chapter (print it; to state it is not enough)")
            for where, text in _prose(cell)
            for claim in claims(text)
            if not _is_proved(claim, printed, constants)
        ]
        if cell.cell_type == "code":
            unproved += [
                ("a text of the code", claim, "is typed by hand (format it from a variable)")
                for text in _texts(ast.parse(python(cell)))
                for claim in claims(text)
            ]
        excused = set()
        for exception in _EXCEPTION.findall(cell.source):
            number, reason = ([*exception.split(maxsplit=1), "", ""])[:2]
            values = {claim.value for _, claim, _ in unproved} & {n.value for n in numbers(number)}
            if not values:
                complaints.append(
                    f"cell {position}: the exception numbers-ok: {number} is needless"
                )
            elif len(reason.split()) < 2:
                complaints.append(f"cell {position}: numbers-ok: {number} gives no reason")
            excused |= values
        complaints += [
            f"cell {position}: {claim.text} in {where} {why}"
            for where, claim, why in unproved
            if claim.value not in excused
        ]
    return complaints
