<?php
/** What the workers share in files: request counts, and who follows which channel. */

declare(strict_types=1);

/** One byte appended for each request: appending needs no lock, and the file's size is the count. */
function count_request(string $endpoint): void
{
    file_put_contents(getenv('DEMO_STATE') . '/count-' . rawurlencode($endpoint), '.', FILE_APPEND);
}

function read_counts(): array
{
    clearstatcache();
    $counts = [];
    foreach (glob(getenv('DEMO_STATE') . '/count-*') as $file) {
        $size = filesize($file);
        if ($size > 0) {
            $counts[rawurldecode(substr(basename($file), strlen('count-')))] = $size;
        }
    }
    return ['requests' => (object) $counts, 'total' => array_sum($counts)];
}

function reset_counts(): void
{
    // Emptied, not deleted: a worker may have the file open for its next byte.
    array_map(fn (string $file) => file_put_contents($file, ''), glob(getenv('DEMO_STATE') . '/count-*'));
}

/** The followers that were added: channel id to a map of user ids. */
function read_follows(): array
{
    $file = getenv('DEMO_STATE') . '/follows.json';
    return is_file($file) ? with_follows(fn (array $follows) => $follows) : [];
}

/** Change the followers under a lock; the callback gives what to store. */
function with_follows(callable $change): array
{
    $file = fopen(getenv('DEMO_STATE') . '/follows.json', 'c+');
    flock($file, LOCK_EX);
    $before = (string) stream_get_contents($file);
    $follows = $change($before === '' ? [] : json_decode($before, true));
    $after = (string) json_encode($follows);
    if ($after !== $before) {
        ftruncate($file, 0);
        rewind($file);
        fwrite($file, $after);
        fflush($file);
    }
    flock($file, LOCK_UN);
    fclose($file);
    return $follows;
}
