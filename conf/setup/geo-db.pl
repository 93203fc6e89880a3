#!/usr/bin/perl
# geo-db.pl GEOIP GEOIP6 OUT - the work of geo-db.sh: Tor's two lists as one MaxMind DB file in the
# schema of GeoLite2-Country (country.iso_code).
#
# Tor's lines are FIRST,LAST,CC: IPv4 addresses as numbers, IPv6 as text, ?? for unknown; # begins
# a comment.
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

die "usage: geo-db.pl GEOIP GEOIP6 OUT\n" if @ARGV != 3;
my ( $ipv4, $ipv6, $out ) = @ARGV;

my $tree = MaxMind::DB::Writer::Tree->new(
    ip_version               => 6,
    record_size              => 24,
    database_type            => 'Tor-Country',
    languages                => ['en'],
    description              => { en => 'Countries, from Debian tor-geoipdb' },
    remove_reserved_networks => 0,
    map_key_type_callback    => sub { $_[0] eq 'country' ? 'map' : 'utf8_string' },
);

my $lines = 0;
for my $file ( $ipv4, $ipv6 ) {
    open my $in, '<', $file or die "geo-db.pl: cannot read $file: $!\n";
    while ( my $line = <$in> ) {
        next if $line =~ /^\s*(?:#|$)/;
        my ( $first, $last, $country ) = $line =~ /^([^,\s]+),([^,\s]+),(..)\s*$/
            or die "geo-db.pl: $file:$.: not FIRST,LAST,CC\n";
        next if $country !~ /^[A-Z]{2}$/;
        ( $first, $last ) = map { join '.', unpack 'C4', pack 'N', $_ } $first, $last
            if $first !~ /:/;
        $tree->insert_range( $first, $last, { country => { iso_code => $country } } );
        $lines++;
    }
    close $in;
}
die "geo-db.pl: nothing in $ipv4 and $ipv6\n" if $lines == 0;

open my $to, '>:raw', $out or die "geo-db.pl: cannot write $out: $!\n";
$tree->write_tree($to);
close $to or die "geo-db.pl: cannot write $out: $!\n";
