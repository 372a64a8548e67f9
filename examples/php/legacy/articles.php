<?php
// As such pages are: text/html, a warning in front, text for numbers, an array that lost its second row.
echo "<br />\n<b>Warning</b>:  Undefined variable \$x in <b>/var/www/articles.php</b> on line <b>3</b><br />\n";
$articles = [
    ['id' => '1', 'title' => 'Cup', 'stock' => '42', 'price' => '4.50', 'since' => '2026-07-01 10:00:00', 'stats' => ['views' => '7']],
    ['id' => '2', 'title' => 'Lid', 'stock' => '0', 'price' => '1.00', 'since' => '0000-00-00 00:00:00', 'stats' => []],
    ['id' => '3', 'title' => 'Jug', 'stock' => '', 'price' => '12', 'since' => '2026-01-01 10:00:00', 'stats' => []],
];
$wanted = $_GET['ids'] ?? ['1', '2', '3'];
echo json_encode(array_filter($articles, fn ($article) => in_array($article['id'], $wanted, true)));
