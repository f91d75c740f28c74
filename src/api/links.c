/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/links.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/map.h"

struct api_user {
	uint32_t uid;
	unsigned connections, commands, streams;
	UT_hash_handle hh;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- what each user has under way --- */

/* Under the lock. */
static struct api_user *user_of(struct api_server *s, uint32_t uid)
{
	struct api_user *u;

	HASH_FIND(hh, s->users, &uid, sizeof(uid), u);
	if (u)
		return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->uid = uid;
	HASH_ADD(hh, s->users, uid, sizeof(u->uid), u);
	if (!u->hh.tbl) {
		free(u);
		return NULL;
	}
	return u;
}

static void forget_idle(struct api_server *s, struct api_user *u)
{
	if (u->connections || u->commands || u->streams)
		return;
	HASH_DEL(s->users, u);
	free(u);
}

/* Under the lock, as the next. */
static bool connection_begin(struct api_server *s, const struct peer *p)
{
	struct api_user *u = user_of(s, p->uid);
	const bool room = u && (p->all || u->connections < API_USER_CONNECTIONS);

	if (room)
		u->connections++;
	else if (u)
		forget_idle(s, u);
	return room;
}

static void connection_end(struct api_server *s, uint32_t uid)
{
	struct api_user *u = user_of(s, uid);

	if (u && u->connections)
		u->connections--;
	if (u)
		forget_idle(s, u);
}

bool command_begin(struct api_server *s, uint32_t uid)
{
	struct api_user *u;
	bool room;

	pthread_mutex_lock(&s->lock);
	u = user_of(s, uid);
	room = u && u->commands < API_USER_COMMANDS;
	if (room)
		u->commands++;
	pthread_mutex_unlock(&s->lock);
	return room;
}

void command_end(struct api_server *s, uint32_t uid)
{
	struct api_user *u;

	pthread_mutex_lock(&s->lock);
	u = user_of(s, uid);
	if (u && u->commands)
		u->commands--;
	if (u)
		forget_idle(s, u);
	pthread_mutex_unlock(&s->lock);
}

bool listen_begin(struct api_server *s, const struct peer *p)
{
	struct api_user *u;
	bool room;

	pthread_mutex_lock(&s->lock);
	u = user_of(s, p->uid);
	room = u && s->streams < API_STREAMS && (p->all || u->streams < API_USER_STREAMS);
	if (room) {
		u->streams++;
		s->streams++;
	} else if (u) {
		forget_idle(s, u);
	}
	pthread_mutex_unlock(&s->lock);
	return room;
}

void listen_end(struct api_server *s, uint32_t uid)
{
	struct api_user *u;

	pthread_mutex_lock(&s->lock);
	u = user_of(s, uid);
	if (u && u->streams) {
		u->streams--;
		s->streams--;
	}
	if (u)
		forget_idle(s, u);
	pthread_mutex_unlock(&s->lock);
}

bool link_rate(struct api_server *s, uint64_t key, unsigned n)
{
	bool ok;

	pthread_mutex_lock(&s->lock);
	ok = rate_take(&s->rate, key, n, now_ms());
	pthread_mutex_unlock(&s->lock);
	return ok;
}

/* --- connections --- */

static void list_add(struct api_server *s, struct link *l)
{
	l->next = s->links;
	if (s->links)
		s->links->prev = l;
	s->links = l;
	s->strangers += l->stranger;
}

static void list_remove(struct api_server *s, struct link *l)
{
	if (l->next)
		l->next->prev = l->prev;
	if (l->prev)
		l->prev->next = l->next;
	else
		s->links = l->next;
	s->strangers -= l->stranger;
}

/* New ones are put in front: the last stranger has been there for longest. */
static void end_oldest_stranger(struct api_server *s)
{
	struct link *oldest = NULL;

	for (struct link *l = s->links; l; l = l->next)
		if (l->stranger)
			oldest = l;
	if (!oldest)
		return;
	shutdown(oldest->fd, SHUT_RDWR);
	oldest->stranger = false; /* its thread will find out; the next one is another */
	s->strangers--;
}

static uint64_t address_of(struct MHD_Connection *http)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;

	if (a && a->sa_family == AF_INET)
		return rate_key(AF_INET, &((const struct sockaddr_in *)a)->sin_addr,
				sizeof(struct in_addr));
	if (a && a->sa_family == AF_INET6) /* a network of somebody's: 64 bits */
		return rate_key(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, 8);
	return 1;
}

/* Under the lock. Whether it may stay. */
static bool admit(struct api_server *s, struct link *l)
{
	if (l->tcp) {
		if (s->strangers >= API_STRANGERS)
			end_oldest_stranger(s);
		l->stranger = true;
		return true;
	}
	l->counted = peer_of(l->fd, &s->c.peers, &l->peer) == 0 && connection_begin(s, &l->peer);
	return l->counted;
}

static void link_begin(const struct door *door, struct MHD_Connection *http, void **own)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct link *l = info ? calloc(1, sizeof(*l)) : NULL;

	if (!l)
		return;
	*l = (struct link){ .fd = info->connect_fd, .tcp = door->tcp, .since_ms = now_ms() };
	l->address = door->tcp ? address_of(http) : 0;
	pthread_mutex_lock(&door->s->lock);
	if (!admit(door->s, l))
		shutdown(l->fd, SHUT_RDWR);
	list_add(door->s, l);
	pthread_mutex_unlock(&door->s->lock);
	*own = l;
}

static void link_end(struct api_server *s, void **own)
{
	struct link *l = *own;

	if (!l)
		return;
	pthread_mutex_lock(&s->lock);
	list_remove(s, l);
	if (l->counted)
		connection_end(s, l->peer.uid);
	pthread_mutex_unlock(&s->lock);
	free(l);
	*own = NULL;
}

void links_notify(void *ctx, struct MHD_Connection *http, void **own,
		  enum MHD_ConnectionNotificationCode code)
{
	const struct door *door = ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		link_begin(door, http, own);
	else
		link_end(door->s, own);
}

void link_busy(struct api_server *s, struct link *l, bool busy)
{
	pthread_mutex_lock(&s->lock);
	l->busy = busy;
	l->since_ms = now_ms();
	pthread_mutex_unlock(&s->lock);
}

bool link_claim(struct api_server *s, struct link *l, const struct peer *p)
{
	pthread_mutex_lock(&s->lock);
	/* Behind a proxy the next request may be somebody else's. */
	if (l->counted && l->peer.uid != p->uid) {
		connection_end(s, l->peer.uid);
		l->counted = false;
	}
	if (!l->counted)
		l->counted = connection_begin(s, p);
	if (l->counted) {
		l->peer = *p;
		s->strangers -= l->stranger;
		l->stranger = false;
	}
	pthread_mutex_unlock(&s->lock);
	return l->counted;
}

/* --- the one who looks at the clock --- */

static void end_slow_ones(struct api_server *s)
{
	const uint64_t now = now_ms();

	for (struct link *l = s->links; l; l = l->next)
		if (!l->busy &&
		    now - l->since_ms > 1000ull * (l->stranger ? API_STRANGER_S : API_REQUEST_S))
			shutdown(l->fd, SHUT_RDWR);
}

static void *watch(void *ctx)
{
	struct api_server *s = ctx;
	struct timespec at;

	pthread_mutex_lock(&s->lock);
	while (!server_stops(s)) {
		end_slow_ones(s);
		clock_gettime(CLOCK_REALTIME, &at);
		at.tv_sec++;
		pthread_cond_timedwait(&s->stop, &s->lock, &at);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int links_watch(struct api_server *s)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&s->watch, NULL, watch, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->watches = r == 0;
	return -r;
}

void links_stop(struct api_server *s)
{
	if (!s->watches)
		return;
	pthread_mutex_lock(&s->lock);
	pthread_cond_signal(&s->stop);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->watch, NULL);
	s->watches = false;
}

void links_done(struct api_server *s)
{
	struct api_user *u, *tmp;

	HASH_ITER(hh, s->users, u, tmp)
	{
		HASH_DEL(s->users, u);
		free(u);
	}
}
