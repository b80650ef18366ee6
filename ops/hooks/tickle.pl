# What take-away and ask-clients have in common: a packet that makes a client show its connection.
use strict;
use warnings;
use Socket qw(AF_INET AF_INET6 SOCK_RAW pack_sockaddr_in pack_sockaddr_in6);

my ($IPPROTO_RAW, $TCP) = (255, 6);
my %raw;

# Seconds: again, since a packet may be lost. Linux answers only one such acknowledgment in half a second
# (net.ipv4.tcp_invalid_ratelimit).
sub times_to_tickle { return (0, 0.6, 1.2) }

# One packet from the floating address, as bytes, to a client's: an acknowledgment with sequence number 0, outside of its
# window. The client answers with its own numbers, to the host that has the address; where that knows no such connection
# it resets it, and the client connects anew at once. Where it knows it, nothing happens.
sub tickle {
    my ($own, $own_port, $client, $port, $number) = @_;
    my $is6 = length $own == 16;
    my ($ACK, $header) = (0x10, 20);
    my $pseudo = $own . $client . ($is6 ? pack('N N', $header, $TCP) : pack('n n', $TCP, $header));
    my $segment = sub { pack('n n N N C C n n n', $own_port, $port, 0, $number, $header << 2, $ACK, 1024, $_[0], 0) };
    my $sum = unpack('%32n*', $pseudo . $segment->(0));
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    my $tcp = $segment->(~$sum & 0xffff);
    # The kernel puts in what stays 0 here: identification and checksum.
    my $ip = $is6
        ? pack('N n C C', 6 << 28, $header, $TCP, 64) . $own . $client
        : pack('C C n n n C C n', 0x45, 0, 20 + $header, 0, 0, 64, $TCP, 0) . $own . $client;
    my $to = $is6 ? pack_sockaddr_in6(0, $client) : pack_sockaddr_in(0, $client);
    my $socket = $raw{$is6} //= raw_socket($is6 ? AF_INET6 : AF_INET, $IPPROTO_RAW);
    # One that cannot be reached says nothing about the others.
    send($socket, $ip . $tcp, 0, $to);
}

sub raw_socket {
    my ($domain, $protocol) = @_;
    socket(my $socket, $domain, SOCK_RAW, $protocol) or die "a raw socket: $!\n";
    return $socket;
}

1;
