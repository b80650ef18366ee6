/*
 * A client of another make: the NLM 4 and NSM 1 of libnfs (nfsc/libnfs-raw.h), told what to do by lines on its standard
 * input, saying what came of it by lines on its standard output. It serves NLM_GRANTED too, at a port that it says first;
 * the first line that it reads has the server's ports of NLM and NSM.
 *
 *   cc -o libnfs-client libnfs-client.c -lnfs
 *   libnfs-client SERVER CALLER
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-nlm.h>
#include <nfsc/libnfs-raw-nsm.h>

#define SERVICES_MAX 8

static struct rpc_context *nlm, *nsm, *services[SERVICES_MAX];
static int service_count;
static char *caller;
static char oh[64];

static void die(const char *what, struct rpc_context *rpc)
{
	fprintf(stderr, "%s: %s\n", what, rpc == NULL ? "" : rpc_get_error(rpc));
	exit(1);
}

/* Whether there is a result; says so where there is none. */
static int succeeded(int status, void *data)
{
	if (status == RPC_STATUS_SUCCESS)
		return 1;
	printf("error %d %s\n", status, status == RPC_STATUS_ERROR ? (char *)data : "");
	return 0;
}

static void on_void(struct rpc_context *rpc, int status, void *data, void *what)
{
	if (succeeded(status, data))
		printf("%s\n", (char *)what);
}

static void on_test(struct rpc_context *rpc, int status, void *data, void *what)
{
	NLM4_TESTres *res = data;
	if (!succeeded(status, data))
		return;
	printf("%s %d", (char *)what, res->reply.status);
	if (res->reply.status == NLM4_DENIED) {
		nlm4_holder *holder = &res->reply.nlm4_testreply_u.lock.holder;
		printf(" %s %u %s %" PRIu64 " %" PRIu64, holder->exclusive ? "exclusive" : "shared", holder->svid, holder->oh,
		       holder->l_offset, holder->l_len);
	}
	printf("\n");
}

/* The results of LOCK, CANCEL and UNLOCK are one struct by three names. */
static void on_res(struct rpc_context *rpc, int status, void *data, void *what)
{
	NLM4_LOCKres *res = data;
	if (succeeded(status, data))
		printf("%s %d %.*s\n", (char *)what, res->status, (int)res->cookie.data.data_len, res->cookie.data.data_val);
}

/* The results of SM_STAT and SM_MON are one struct by two names. */
static void on_stat(struct rpc_context *rpc, int status, void *data, void *what)
{
	NSM1_STATres *res = data;
	if (succeeded(status, data))
		printf("%s %d %d\n", (char *)what, res->res, res->state);
}

static void on_state(struct rpc_context *rpc, int status, void *data, void *what)
{
	NSM1_UNMONres *res = data;
	if (succeeded(status, data))
		printf("%s %d\n", (char *)what, res->state);
}

static int on_granted(struct rpc_context *rpc, struct rpc_msg *call)
{
	NLM4_GRANTEDargs *args = call->body.cbody.args;
	NLM4_GRANTEDres res;
	printf("granted %s %u %s %" PRIu64 " %" PRIu64 "\n", args->lock.caller_name, args->lock.svid, args->lock.oh,
	       args->lock.l_offset, args->lock.l_len);
	res.cookie = args->cookie;
	res.status = NLM4_GRANTED;
	rpc_send_reply(rpc, call, &res, (zdrproc_t)zdr_NLM4_GRANTEDres, sizeof(res));
	return 0;
}

/* libnfs 4.0 hands over memory as it finds it, and takes what is not zero for a buffer. */
static uint32_t decode_granted(ZDR *zdrs, NLM4_GRANTEDargs *args)
{
	memset(args, 0, sizeof(*args));
	return zdr_NLM4_GRANTEDargs(zdrs, args);
}

static struct service_proc procedures[] = {
	{NLM4_GRANT, on_granted, (zdrproc_t)decode_granted, sizeof(NLM4_GRANTEDargs)},
};

/* A program without a connection of its own is waited for. */
static void on_connected(struct rpc_context *rpc, int status, void *data, void *is_done)
{
	if (status != RPC_STATUS_SUCCESS)
		die("connect", rpc);
	*(int *)is_done = 1;
}

static struct rpc_context *connected(const char *server, int port, int program, int version)
{
	struct rpc_context *rpc = rpc_init_context();
	int is_done = 0;
	if (rpc_connect_port_async(rpc, server, port, program, version, on_connected, &is_done) != 0)
		die("connect", rpc);
	while (!is_done) {
		struct pollfd fd = {.fd = rpc_get_fd(rpc), .events = rpc_which_events(rpc)};
		if (poll(&fd, 1, 1000) < 0 || rpc_service(rpc, fd.revents) < 0)
			die("connect", rpc);
	}
	return rpc;
}

static void obey(char *line)
{
	char what[32] = "", name[64] = "";
	unsigned svid = 0;
	uint64_t offset = 0, length = 0;
	int exclusive = 1, block = 0, queued = -1;
	char *cookie = "libn", *fh = "libnfs-file";
	static char said[16][32];
	static int next;
	if (sscanf(line, "%31s", what) != 1)
		return;
	/* Kept until the reply has come. */
	char *word = strcpy(said[next = (next + 1) % 16], what);
	sscanf(line, "%*s %u %" SCNu64 " %" SCNu64 " %d %d", &svid, &offset, &length, &exclusive, &block);
	snprintf(oh, sizeof(oh), "%u@%s", svid, caller);
	nlm_cookie c = {.data = {.data_len = 4, .data_val = cookie}};
	nlm4_lock lock = {.caller_name = caller, .fh = {.data = {.data_len = strlen(fh), .data_val = fh}}, .oh = oh,
			  .svid = svid, .l_offset = offset, .l_len = length};
	nsm_my_id me = {.my_name = "localhost", .my_prog = NLM_PROGRAM, .my_vers = 4, .my_proc = 16};
	if (strcmp(what, "null") == 0) {
		queued = rpc_nlm4_null_async(nlm, on_void, word);
	} else if (strcmp(what, "test") == 0) {
		NLM4_TESTargs args = {.cookie = c, .exclusive = exclusive, .lock = lock};
		queued = rpc_nlm4_test_async(nlm, on_test, &args, word);
	} else if (strcmp(what, "lock") == 0) {
		NLM4_LOCKargs args = {.cookie = c, .block = block, .exclusive = exclusive, .lock = lock, .state = 3};
		queued = rpc_nlm4_lock_async(nlm, on_res, &args, word);
	} else if (strcmp(what, "cancel") == 0) {
		NLM4_CANCargs args = {.cookie = c, .block = block, .exclusive = exclusive, .lock = lock};
		queued = rpc_nlm4_cancel_async(nlm, on_res, &args, word);
	} else if (strcmp(what, "unlock") == 0) {
		NLM4_UNLOCKargs args = {.cookie = c, .lock = lock};
		queued = rpc_nlm4_unlock_async(nlm, on_res, &args, word);
	} else if (strcmp(what, "nsm-null") == 0) {
		queued = rpc_nsm1_null_async(nsm, on_void, word);
	} else if (strcmp(what, "stat") == 0 && sscanf(line, "%*s %63s", name) == 1) {
		NSM1_STATargs args = {.mon_name = name};
		queued = rpc_nsm1_stat_async(nsm, on_stat, &args, word);
	} else if (strcmp(what, "mon") == 0 && sscanf(line, "%*s %63s", name) == 1) {
		NSM1_MONargs args = {.mon_id = {.mon_name = name, .my_id = me}, .priv = "0123456789abcde"};
		queued = rpc_nsm1_mon_async(nsm, on_stat, &args, word);
	} else if (strcmp(what, "unmon") == 0 && sscanf(line, "%*s %63s", name) == 1) {
		NSM1_UNMONargs args = {.mon_id = {.mon_name = name, .my_id = me}};
		queued = rpc_nsm1_unmon_async(nsm, on_state, &args, word);
	} else if (strcmp(what, "unmonall") == 0) {
		NSM1_UNMONALLargs args = {.my_id = me};
		queued = rpc_nsm1_unmonall_async(nsm, on_state, &args, word);
	} else if (strcmp(what, "simucrash") == 0) {
		queued = rpc_nsm1_simucrash_async(nsm, on_void, word);
	} else if (strcmp(what, "notify") == 0 && sscanf(line, "%*s %63s %d", name, &block) == 2) {
		NSM1_NOTIFYargs args = {.mon_name = name, .state = block};
		queued = rpc_nsm1_notify_async(nsm, on_void, &args, word);
	}
	if (queued != 0)
		printf("error: not sent: %s", line);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char line[256];
	int nlm_port, nsm_port;
	if (argc != 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
		die("usage: libnfs-client SERVER CALLER", NULL);
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	caller = argv[2];
	if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) != 0)
		die("listen", NULL);
	/* The node learns the port from its configuration, before it starts. */
	printf("port %d\n", ntohs(address.sin_port));
	if (fgets(line, sizeof(line), stdin) == NULL || sscanf(line, "%d %d", &nlm_port, &nsm_port) != 2)
		die("no ports of the server", NULL);
	nlm = connected(argv[1], nlm_port, NLM_PROGRAM, NLM_V4);
	nsm = connected(argv[1], nsm_port, NSM_PROGRAM, NSM_V1);
	printf("connected\n");
	for (;;) {
		struct pollfd fds[4 + SERVICES_MAX] = {
			{.fd = 0, .events = POLLIN},
			{.fd = listener, .events = POLLIN},
			{.fd = nlm == NULL ? -1 : rpc_get_fd(nlm), .events = nlm == NULL ? 0 : rpc_which_events(nlm)},
			{.fd = rpc_get_fd(nsm), .events = rpc_which_events(nsm)},
		};
		for (int i = 0; i < service_count; i++)
			fds[4 + i] = (struct pollfd){.fd = rpc_get_fd(services[i]), .events = rpc_which_events(services[i])};
		if (poll(fds, 4 + service_count, -1) < 0)
			die("poll", NULL);
		if (fds[2].revents != 0 && rpc_service(nlm, fds[2].revents) < 0) {
			/* The server ends the connections of a client that says that it has rebooted. */
			printf("nlm closed\n");
			rpc_destroy_context(nlm);
			nlm = NULL;
		}
		if (fds[3].revents != 0 && rpc_service(nsm, fds[3].revents) < 0)
			return 0;
		for (int i = service_count - 1; i >= 0; i--)
			if (fds[4 + i].revents != 0 && rpc_service(services[i], fds[4 + i].revents) < 0) {
				rpc_destroy_context(services[i]);
				services[i] = services[--service_count];
			}
		if (fds[1].revents != 0 && service_count < SERVICES_MAX) {
			struct rpc_context *service = rpc_init_server_context(accept(listener, NULL, NULL));
			if (service == NULL || rpc_register_service(service, NLM_PROGRAM, NLM_V4, procedures, 1) != 0)
				die("accept", service);
			services[service_count++] = service;
		}
		if (fds[0].revents != 0) {
			if (fgets(line, sizeof(line), stdin) == NULL)
				return 0;
			obey(line);
		}
	}
}
