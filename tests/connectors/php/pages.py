"""Pages of a legacy as they are found in the wild, and what the gateway makes of each: the value, or TOLD.

Read a line as: this page, by this PHP, for a field of this type with this mapping, gives this. The PHP runs in
the middle of `router.php` below, which has `row()` and the classes. `answer` is the field's value; where TOLD
stands in it, that place is null and has an error of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SCHEMA = """
scalar DateTime
scalar Date
scalar JSON
scalar BigInt
enum Size { S M L }
interface Media { paid: Boolean }
type Film implements Media { paid: Boolean minutes: Int }
type Book implements Media { paid: Boolean pages: Int authors: [Author] }
union Hit = Film | Author
type Author { id: ID name: String posts: [Post] }
type Part { sku: ID amount: Int }
type Post {
  id: ID title: String stock: Int price: Float sold: Boolean since: DateTime day: Date views: BigInt size: Size
  tags: [String] author: Author parts: [Part] meta: JSON grid: [[Int]] first: Part
}
type Strict { id: ID! title: String! }
"""

ROUTER = r"""<?php
// display_errors is PHP's default without a php.ini; html_errors is that of a web server.
ini_set('display_errors', '1'); ini_set('html_errors', '1'); error_reporting(E_ALL);
class Author { public $id = 7; public $name = 'Ann'; public $posts = []; }
class Post { private $id; protected $title; public $author;
  function __construct($id, $author) { $this->id = $id; $this->title = "T$id"; $this->author = $author; } }
enum Size: string { case S = 'S'; case M = 'M'; }
function row($id, $more = []) { return ['id' => (string) $id, 'title' => "T$id"] + $more; }
function json($value) { header('Content-Type: application/json'); echo json_encode($value); }
PAGES
"""

ROW = {"id": "1", "title": "T1"}
ROWS = [{"id": "1", "title": "T1"}, {"id": "3", "title": "T3"}]
ANN = {"id": "7", "name": "Ann"}


class Told:
    """Null here, with an error that says so."""

    def __repr__(self) -> str:
        return "TOLD"


TOLD: Any = Told()


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        name: What is odd about it.
        php: What it does.
        kind: The type that the schema declares.
        mapping: Of the connector; the query asks for the same.
        answer: What the client gets.
    """

    name: str
    php: str
    kind: str
    mapping: str
    answer: Any


LISTS = [
    Page("a list", "json([row(1), row(3)]);", "[Post]", "id title", ROWS),
    Page("an empty list", "json([]);", "[Post]", "id title", []),
    Page("gaps, as array_filter() leaves them", "json(array_filter([row(1), null, row(3)]));", "[Post]", "id title", ROWS),
    Page("keys from 1 on", "json([1 => row(1), 2 => row(3)]);", "[Post]", "id title", ROWS),
    Page("ids as keys, as FETCH_UNIQUE gives them", "json([17 => row(1), 4 => row(3)]);", "[Post]", "id title", ROWS),
    Page("every list an object: JSON_FORCE_OBJECT", "echo json_encode([row(1), row(3)], JSON_FORCE_OBJECT);", "[Post]", "id title", ROWS),
    Page("an empty list as {}", "json(new stdClass);", "[Post]", "id title", []),
    Page("names as keys are no list", "json(['a' => row(1), 'b' => row(3)]);", "[Post]", "id title", TOLD),
    Page("names among integers are no list", "json([row(1), 'total' => 1]);", "[Post]", "id title", TOLD),
    Page("one row for a list", "json(row(1));", "[Post]", "id title", TOLD),
    Page("one row for a list, where the mapping allows it", "json(row(1));", "[Post]", "$->map(@) { id title }", [ROW]),
    Page("false for a list, as a failed query gives it", "json(false);", "[Post]", "id title", TOLD),
    Page("null for a list", "json(null);", "[Post]", "id title", None),
    Page("an empty text for a list", "json('');", "[Post]", "id title", None),
    Page("an error's envelope for a list", "json(['error' => 'no database']);", "[Post]", "id title", TOLD),
    Page("gaps below a key", "json(['data' => ['rows' => array_filter([0, row(1), row(3)])]]);", "[Post]", "$.data.rows { id title }", ROWS),
    Page("gaps inside rows", "json([row(1, ['parts' => [2 => ['sku' => 9, 'amount' => '4']]])]);", "[Post]", "id parts { sku amount }",
         [{"id": "1", "parts": [{"sku": "9", "amount": 4}]}]),
    Page("gaps among texts", "json(row(1, ['tags' => array_unique(['a', 'a', 'b'])]));", "Post", "id tags", {"id": "1", "tags": ["a", "b"]}),
    Page("gaps in both of two levels", "json(row(1, ['grid' => [1 => [3 => '5'], 2 => []]]));", "Post", "grid", {"grid": [[5], []]}),
    Page("gaps on the way to a member", "json(row(1, ['labels' => [2 => ['name' => 'a'], 5 => ['name' => 'b']]]));", "Post", "tags: labels.name", {"tags": ["a", "b"]}),
    Page("gaps before a method", "json([3 => row(1), 5 => row(3)]);", "Post", "$->first { id title }", ROW),
    Page("one part where a list of parts is declared", "json([row(1, ['parts' => ['sku' => 9]]), row(3, ['parts' => []])]);", "[Post]", "id parts { sku }",
         [{"id": "1", "parts": TOLD}, {"id": "3", "parts": []}]),
    Page("one text where a list is declared", "json([row(1, ['tags' => 'a']), row(3, ['tags' => null])]);", "[Post]", "id tags",
         [{"id": "1", "tags": TOLD}, {"id": "3", "tags": None}]),
]  # fmt: skip

OBJECTS = [
    Page("a row", "json(row(1));", "Post", "id title", ROW),
    Page("an empty map as []", "json(row(1, ['author' => []]));", "Post", "id author { id name }", {"id": "1", "author": {"id": None, "name": None}}),
    Page("[] on the way to a member", "json(row(1, ['stats' => []]));", "Post", "id stock: stats.stock", {"id": "1", "stock": None}),
    Page("false, as fetch() gives it without a row", "json(false);", "Post", "id title", None),
    Page("false for an author", "json(row(1, ['author' => false]));", "Post", "id author { name }", {"id": "1", "author": None}),
    Page("an empty text for an author", "json(row(1, ['author' => '']));", "Post", "id author { name }", {"id": "1", "author": None}),
    Page("a list of one for an object", "json([row(1)]);", "Post", "id title", TOLD),
    Page("a list of one for an author", "json(row(1, ['author' => [['name' => 'Ann']]]));", "Post", "id author { name }", {"id": "1", "author": TOLD}),
    Page("a number for an author", "json(row(1, ['author' => 7]));", "Post", "id author { name }", {"id": "1", "author": TOLD}),
    Page("an id as text for an author", "json(row(1, ['author' => '7']));", "Post", "id author { name }", {"id": "1", "author": TOLD}),
    Page("rows by number for an object", "json([1 => row(1)]);", "Post", "id title", TOLD),
    Page("[] for an object that must have members", "json([]);", "Strict", "id title", TOLD),
    Page("a row among rows that fetch() did not find", "json([row(1), false, row(3)]);", "[Post]", "id title", [ROWS[0], None, ROWS[1]]),
]  # fmt: skip

VALUES = [
    Page("numbers as text", "json(row('1', ['stock' => '42', 'price' => '4.50', 'views' => '9007199254740993']));", "Post", "id stock price views",
         {"id": "1", "stock": 42, "price": 4.5, "views": "9007199254740993"}),
    Page("empty texts", "json(['id' => '1', 'stock' => '', 'price' => '', 'sold' => '', 'since' => '', 'size' => '', 'title' => '']);", "Post", "stock price sold since size title",
         {"stock": None, "price": None, "sold": False, "since": None, "size": None, "title": ""}),
    Page("booleans as filter_var() takes them", "json([['sold' => '1'], ['sold' => '0'], ['sold' => 'on'], ['sold' => 'No'], ['sold' => 1], ['sold' => 'maybe']]);", "[Post]", "sold",
         [{"sold": True}, {"sold": False}, {"sold": True}, {"sold": False}, {"sold": True}, {"sold": TOLD}]),
    Page("a text for a number", "json(['stock' => '12 pieces', 'price' => '4,50']);", "Post", "stock price", {"stock": TOLD, "price": TOLD}),
    Page("half a piece", "json(['stock' => 1.5]);", "Post", "stock", {"stock": TOLD}),
    Page("MySQL's dates", "json(['since' => '2026-11-29 10:00:00', 'day' => '2026-11-29']);", "Post", "since day", {"since": "2026-11-29T10:00:00+01:00", "day": "2026-11-29"}),
    Page("MySQL's zero dates", "json(['since' => '0000-00-00 00:00:00', 'day' => '0000-00-00']);", "Post", "since day", {"since": None, "day": None}),
    Page("a date that is none", "json(['since' => '2026-02-31 10:00:00']);", "Post", "since", {"since": TOLD}),
    Page("PHP's own formats", "$d = new DateTime('2026-07-01 10:00:00.5 Europe/Berlin'); json([['since' => $d], ['since' => $d->format(DATE_ATOM)], ['since' => $d->format('Y-m-d\\TH:i:sO')], ['since' => $d->getTimestamp()], ['since' => $d->format('U')]]);",
         "[Post]", "since", [{"since": "2026-07-01T10:00:00.500000+02:00"}, {"since": "2026-07-01T10:00:00+02:00"}, {"since": "2026-07-01T10:00:00+02:00"},
                             {"since": "2026-07-01T08:00:00Z"}, {"since": "2026-07-01T08:00:00Z"}]),
    Page("latin-1", "header('Content-Type: application/json; charset=iso-8859-1'); echo \"{\\\"title\\\":\\\"caf\\xe9\\\"}\";", "Post", "title", {"title": "café"}),
    Page("below an interface", "json([['type' => 'film', 'paid' => '0', 'minutes' => '90'], ['type' => 'book', 'paid' => '', 'pages' => '300', 'authors' => [1 => ['name' => 'Ann']]]]);",
         "[Media]", "__typename: type->match(['film', 'Film'], ['book', 'Book']) paid minutes pages authors { name }",
         [{"__typename": "Film", "paid": False, "minutes": 90}, {"__typename": "Book", "paid": False, "pages": 300, "authors": [{"name": "Ann"}]}]),
    Page("below a union", "json([['type' => 'film', 'minutes' => '90'], ['type' => 'author', 'posts' => [2 => ['id' => 1, 'stock' => '4']]]]);",
         "[Hit]", "__typename: type->match(['film', 'Film'], ['author', 'Author']) minutes name posts { stock }",
         [{"__typename": "Film", "minutes": 90}, {"__typename": "Author", "posts": [{"stock": 4}]}]),
    Page("a page's object as it stands", "json(['stock' => '4', 'sold' => '0', 'parts' => [3 => ['sku' => 1, 'amount' => '2']], 'author' => []]);", "Post", "$->echo(@)",
         {"stock": 4, "sold": False, "parts": [{"amount": 2}], "author": {"name": None}}),
]  # fmt: skip

NOISE = [
    Page("PHP's default type", "echo json_encode(row(1));", "Post", "id title", ROW),
    Page("a warning before", "echo $x; json(row(1));", "Post", "id title", ROW),
    Page("a warning before, in text", "ini_set('html_errors', '0'); echo $x; json(row(1));", "Post", "id title", ROW),
    Page("a warning behind", "json(row(1)); echo $x;", "Post", "id title", ROW),
    Page("warnings around, and a notice in a log's form", "echo $x; echo \"[29-Nov-2026 10:00:00 UTC] PHP Notice:  y in /a.php on line 3\\n\"; json(row(1)); echo [][1];", "Post", "id title", ROW),
    Page("a warning on the JSON's line", "echo 'Warning: a {bad} [thing] in /a.php on line 3'; json(row(1));", "Post", "id title", ROW),
    Page("a fatal error behind", "json(row(1)); nowhere();", "Post", "id title", ROW),
    Page("a fatal error in place of it", "nowhere();", "Post", "id title", TOLD),
    Page("a fatal error in the middle", "echo '{\"id\": \"1\", \"title\": '; http_response_code(200); flush(); nowhere();", "Post", "id title", TOLD),
    Page("an exception's trace before, as a handler prints it", "ini_set('html_errors', '0'); echo \"PHP Fatal error:  Uncaught Exception: x in /a.php:3\\nStack trace:\\n#0 {main}\\n  thrown in /a.php on line 3\\n\"; json(row(1));",
         "Post", "id title", ROW),
    Page("two byte order marks", "echo \"\\xef\\xbb\\xbf\\xef\\xbb\\xbf\"; json(row(1));", "Post", "id title", ROW),
    Page("byte order marks between warnings", "echo \"\\xef\\xbb\\xbf\", $x, \"\\xef\\xbb\\xbf\"; json(row(1));", "Post", "id title", ROW),
    Page("comments around", "echo '/* cached */'; json(row(1)); echo '<!-- 0.02 s -->';", "Post", "id title", ROW),
    Page("a number behind a warning", "echo $x; json(42);", "Int", "$", 42),
    Page("a text behind a warning", "echo $x; json('ok');", "String", "$", "ok"),
    Page("a warning of xdebug's", "echo \"<br /><font size='1'><table class='xdebug-error'><tr><th>( ! ) Notice: x in /a.php on line <i>3</i></th></tr></table></font>\\n\"; json(row(1));", "Post", "id title", ROW),
    Page("two values", "json(row(1)); echo $x; json(row(3));", "Post", "id title", TOLD),
    Page("a login page", "echo '<!DOCTYPE html><html><h1>Sign in</h1></html>';", "Post", "id title", TOLD),
    Page("a login page with JSON in a script", "echo \"<html><script>\\n\", json_encode(row(1)), \"\\n</script></html>\";", "Post", "id title", TOLD),
    Page("print_r() in place of JSON", "print_r(row(1));", "Post", "id title", TOLD),
    Page("a word in place of JSON", "echo 'OK';", "String", "$", TOLD),
    Page("a word, as plain text", "header('Content-Type: text/plain'); echo 'OK';", "String", "$", "OK"),
    Page("a number of HTML", "echo '404 <h1>Not found</h1>';", "Int", "$", TOLD),
    Page("nothing", "", "Post", "id title", TOLD),
    Page("nothing but a warning", "echo $x;", "Post", "id title", TOLD),
]  # fmt: skip

SERIALIZED = [
    Page("serialize(), under PHP's default type", "echo serialize([row(1), row(3)]);", "[Post]", "id title", ROWS),
    Page("serialize(), under a type of its own", "header('Content-Type: application/vnd.php.serialized'); echo serialize(row(1));", "Post", "id title", ROW),
    Page("serialize() and a line's end", "echo serialize(row(1)), \"\\r\\n\";", "Post", "id title", ROW),
    Page("serialize() behind a warning, and before one", "echo $x; echo serialize(row(1)); echo $x;", "Post", "id title", ROW),
    Page("serialize() with gaps", "echo serialize(array_filter([row(1), null, row(3)]));", "[Post]", "id title", ROWS),
    Page("objects with private members", "echo serialize(new Post(1, null));", "Post", "id title", ROW),
    Page("two posts of one author object", "$a = new Author; echo serialize([new Post(1, $a), new Post(3, $a)]);", "[Post]", "id author { id name }",
         [{"id": "1", "author": ANN}, {"id": "3", "author": ANN}]),
    Page("an author whose post leads back to the author", "$a = new Author; $a->posts = [2 => new Post(1, $a)]; echo serialize($a);", "Author", "name posts { id author { name posts { title } } }",
         {"name": "Ann", "posts": [{"id": "1", "author": {"name": "Ann", "posts": [{"title": "T1"}]}}]}),
    Page("the same, as it stands", "$a = new Author; $a->posts = [2 => new Post(1, $a)]; echo serialize($a);", "Author", "$->echo(@)",
         {"name": "Ann", "posts": [{"title": "T1", "author": {"name": "Ann"}}]}),
    Page("a reference", "$r = ['x']; echo serialize(['tags' => &$r, 'meta' => &$r]);", "Post", "tags meta", {"tags": ["x"], "meta": ["x"]}),
    Page("an enum", "echo serialize([['size' => Size::S], ['size' => Size::M], ['size' => Size::S]]);", "[Post]", "size", [{"size": "S"}, {"size": "M"}, {"size": "S"}]),
    Page("INF and NAN", "echo serialize([['price' => INF], ['price' => NAN], ['price' => -0.5]]);", "[Post]", "price", [{"price": TOLD}, {"price": TOLD}, {"price": -0.5}]),
    Page("a date", "echo serialize(['since' => new DateTime('2026-11-29 10:00 Europe/Berlin'), 'day' => new DateTime('2026-11-29')]);", "Post", "since day",
         {"since": "2026-11-29T10:00:00+01:00", "day": "2026-11-29"}),
    Page("one object for a list", "echo serialize(new Post(1, null));", "[Post]", "id title", TOLD),
    Page("cut off", "echo substr(serialize(row(1)), 0, -3);", "Post", "id title", TOLD),
    Page("a class that writes a format of its own", "echo 'C:1:\"S\":5:{hello}';", "Post", "id title", TOLD),
]  # fmt: skip

PAGES = [*LISTS, *OBJECTS, *VALUES, *NOISE, *SERIALIZED]
