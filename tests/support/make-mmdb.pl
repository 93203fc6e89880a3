#!/usr/bin/perl
# make-mmdb.pl FOLDER - small geo databases for the tests, one for each schema and address family
# that geo.c promises to read. What is in them is what test_geo.c expects.
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

die "usage: make-mmdb.pl FOLDER\n" if @ARGV != 1;
my $folder = shift;

my %types = (
    map( { $_ => 'map' } qw( country city names location registered_country ) ),
    map( { $_ => 'double' } qw( latitude longitude ) ),
    map( { $_ => 'float' } qw( lng ) ),
    map( { $_ => 'uint32' } qw( autonomous_system_number geoname_id ) ),
    subdivisions => [ 'array', 'map' ],
    is_anycast   => 'boolean',
);

# name, type, options of the tree, network => entry ...; a key's type may be set for one file
sub database {
    my ( $name, $type, $options, @rows ) = @_;
    my %types_here = ( %types, %{ delete $options->{types} || {} } );
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version               => 6,
        record_size              => 24,
        database_type            => $type,
        languages                => [ 'de', 'en' ],
        description              => { en => 'for tests' },
        remove_reserved_networks => 0,
        map_key_type_callback    => sub { $types_here{ $_[0] } || 'utf8_string' },
        %$options,
    );
    while ( my ( $network, $entry ) = splice @rows, 0, 2 ) {
        $tree->insert_network( $network, $entry );
    }
    open my $out, '>:raw', "$folder/$name.mmdb" or die "$folder/$name.mmdb: $!\n";
    $tree->write_tree($out);
    close $out or die "$folder/$name.mmdb: $!\n";
}

my $berlin = {
    country            => { iso_code => 'DE', geoname_id => 2921044, names => { de => 'Deutschland', en => 'Germany' } },
    registered_country => { iso_code => 'FR' },
    subdivisions       => [ { iso_code => 'BE', names => { de => 'Land Berlin', en => 'State of Berlin' } },
                            { iso_code => 'XX', names => { en => 'a smaller one' } } ],
    city               => { names => { de => 'Berlin (de)', en => 'Berlin' } },
    location           => { latitude => 52.5196, longitude => 13.4069, time_zone => 'Europe/Berlin' },
};
my $wellington = {
    country      => { iso_code => 'NZ' },
    subdivisions => [ { names => { en => 'Wellington Region' } } ],
    city         => { names => { en => "Wh\x{101}nganui \"x\"\\\n" } },
    location     => { latitude => -41.2866, longitude => 174.7756 },
};
database( 'city', 'Test-City', {}, '192.0.2.0/25' => $berlin, '2001:db8:1::/48' => $berlin,
    '198.51.100.0/24' => $wellington );
database( 'country', 'Test-Country', {}, '192.0.2.0/24' => { country => { iso_code => 'AT' } },
    '203.0.113.0/24' => { registered_country => { iso_code => 'FR' } } );
database( 'asn', 'Test-ASN', { record_size => 28 },
    '192.0.2.0/24' => { autonomous_system_number => 64500, autonomous_system_organization => 'Example "Net"' },
    '2001:db8::/32' => { autonomous_system_number => 4294967295, autonomous_system_organization => 'Largest' } );

my %flat = map { $_ => 'utf8_string' } qw( country city latitude longitude lat lng asn );
database( 'flat', 'Test-Flat', { types => { %flat, latitude => 'double', longitude => 'double', lng => 'float' } },
    '192.0.2.0/25' => { country_code => 'DE', state1 => 'Berlin', city => 'Mitte', latitude => 52.5, longitude => 13.25,
        timezone => 'Europe/Berlin' },
    '192.0.2.128/25' => { country => 'Germany', country_code => 'DE', region => 'Hesse', region_code => 'HE', city => '-',
        lat => '50.110900', lng => 8.6821 },
    '198.51.100.0/24' => { country => 'NZ', asn => 'AS64501', name => 'Kiwi', as_domain => 'kiwi.example' },
    '203.0.113.0/24' => { country => 'Frankreich', name => 'not a network', asn => 'ASX', latitude => 91 },
    '2001:db8::/32' => { country_code => 'FR', subdivision => 'Bretagne', as_name => 'FR-NET', asn => '64502' } );

database( 'ipv4', 'Test-IPv4', { ip_version => 4, record_size => 32 },
    '192.0.2.0/24' => { country => { iso_code => 'DE' } } );
database( 'ipv6', 'Test-IPv6', {}, '2001:db8::/32' => { country => { iso_code => 'DE' } } );
database( 'long', 'Test-Long', {},
    '192.0.2.0/24' => { country => { iso_code => 'DE' }, city => { names => { en => "\x{fc}" x 60000 } },
        subdivisions => [ { names => { en => "\x01" x 1000 } } ], location => { time_zone => 'z' x 300 },
        autonomous_system_number => 1, autonomous_system_organization => '"' x 70000 } );
