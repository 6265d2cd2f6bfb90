// What the Arduino sketch uses, as the documentation of the ESP32 core and of PubSubClient declares it; enough to check
// types, not to run.
#include <algorithm>
#include <cstdint>
#include <cstdio>

using std::min;
typedef uint8_t byte;
#define WL_CONNECTED 3

unsigned long millis();
void delay(uint32_t ms);
long random(long below);
void configTime(long offset, int daylight, const char *server, const char *second = nullptr, const char *third = nullptr);

struct Print {
  void begin(unsigned long baud);
  size_t print(const char *text);
  size_t println();
  size_t printf(const char *format, ...) __attribute__((format(printf, 2, 3)));
  size_t write(const uint8_t *data, size_t length);
};
extern Print Serial;

struct Client {};
struct WiFiClient : Client {};
struct WiFiClass {
  int begin(const char *name, const char *password);
  int status();
};
extern WiFiClass WiFi;

struct PubSubClient {
  explicit PubSubClient(Client &client);
  PubSubClient &setServer(const char *host, uint16_t port);
  PubSubClient &setCallback(void (*callback)(char *, uint8_t *, unsigned int));
  bool setBufferSize(uint16_t size);
  bool connect(const char *id, const char *user, const char *password, const char *will_topic, uint8_t will_qos,
               bool will_retain, const char *will_message);
  bool publish(const char *topic, const char *payload);
  bool publish(const char *topic, const char *payload, bool retained);
  bool subscribe(const char *topic);
  bool connected();
  bool loop();
  int state();
};
